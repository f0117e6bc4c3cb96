public import NIOCore

/// A whole answer in the cache. Never changes: what freshens it makes another one that shares its body.
///
/// Target, field lines and a small body lie in one array, so that a million small answers are two million allocations
/// and no more.
public final class StoredAnswer: Sendable {
    /// Longest body that lies behind the field lines. Unit: bytes.
    public static let smallBody = 8192
    /// Of the pieces of a longer body. Unit: bytes.
    private static let pieceBytes = 65_536
    /// What the object and its arrays take beside their contents. Unit: bytes.
    private static let ownBytes = 192

    public let facts: AnswerFacts
    /// 200...599.
    public let status: UInt16
    /// The target, then the field lines, then a small body.
    public let bytes: [UInt8]
    private let linesStart: UInt32
    private let linesEnd: UInt32
    /// Of a body that is not small; several, when it is long.
    public let pieces: [ByteBuffer]
    /// Of the body. Unit: bytes.
    public let length: Int
    /// Of `Surrogate-Key` and `Cache-Tag`, hashed.
    public let tags: [UInt64]

    /// - Parameters:
    ///   - target: `http://host/path?query`, for purging.
    ///   - lines: `StoredFields`.
    ///   - body: in pieces as they came.
    public init(
        _ facts: AnswerFacts, status: Int, target: Span<UInt8>, lines: Span<UInt8>, body: [ByteBuffer], tags: [UInt64]
    ) {
        let length = body.reduce(0) { $0 + $1.readableBytes }
        let isSmall = length <= Self.smallBody
        self.facts = facts
        self.status = UInt16(clamping: status)
        self.length = length
        self.tags = tags
        var bytes: [UInt8] = []
        bytes.reserveCapacity(target.count + lines.count + (isSmall ? length : 0))
        for index in target.indices { bytes.append(target[index]) }
        linesStart = UInt32(clamping: bytes.count)
        for index in lines.indices { bytes.append(lines[index]) }
        linesEnd = UInt32(clamping: bytes.count)
        if isSmall { for piece in body { bytes.append(contentsOf: piece.readableBytesView) } }
        self.bytes = bytes
        self.pieces = isSmall ? [] : Self.packed(body, length)
    }

    /// The same body under other field lines, or other facts.
    public init(_ other: StoredAnswer, facts: AnswerFacts, lines: [UInt8]? = nil, tags: [UInt64]? = nil) {
        self.facts = facts
        status = other.status
        length = other.length
        pieces = other.pieces
        self.tags = tags ?? other.tags
        linesStart = other.linesStart
        guard let lines else {
            bytes = other.bytes
            linesEnd = other.linesEnd
            return
        }
        bytes = other.bytes[..<Int(linesStart)] + lines + other.bytes[Int(other.linesEnd)...]
        linesEnd = linesStart + UInt32(clamping: lines.count)
    }

    /// Pieces of one size: those that came may each hold a buffer that is much larger.
    private static func packed(_ body: [ByteBuffer], _ length: Int) -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        var piece = ByteBufferAllocator().buffer(capacity: min(length, pieceBytes))
        var left = length
        for part in body {
            var part = part
            while let taken = part.readSlice(length: min(part.readableBytes, pieceBytes - piece.readableBytes)),
                taken.readableBytes > 0
            {
                piece.writeImmutableBuffer(taken)
                left -= taken.readableBytes
                if piece.readableBytes == pieceBytes, left > 0 {
                    pieces.append(piece)
                    piece = ByteBufferAllocator().buffer(capacity: min(left, pieceBytes))
                }
            }
        }
        pieces.append(piece)
        return pieces
    }

    /// Where the target lies in `bytes`.
    public var target: Range<Int> { 0..<Int(linesStart) }

    /// Where the field lines lie in `bytes`; behind them a small body.
    public var lines: Range<Int> { Int(linesStart)..<Int(linesEnd) }

    /// Where a small body lies in `bytes`; empty when there are `pieces`.
    public var smallBody: Range<Int> { Int(linesEnd)..<bytes.count }

    /// What it takes in memory, without its entry in the index. Unit: bytes.
    public var size: Int {
        Self.ownBytes + bytes.count + pieces.reduce(0) { $0 + $1.storageCapacity + 128 } + tags.count * 8
    }
}
