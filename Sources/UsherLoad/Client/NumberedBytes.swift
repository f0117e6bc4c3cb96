internal import NIOCore

/// Bytes with places in them where a number is written each time.
struct NumberedBytes: Sendable {
    /// What stands before, between and behind the places; one piece has none.
    private let pieces: [ByteBuffer]
    private let piecesCount: Int

    /// - Parameter text: `{n}` is a place.
    init(_ text: String) {
        self.init(text, rest: [])
    }

    /// - Parameter rest: bytes behind the text, in which nothing is replaced.
    init(_ text: String, rest: [UInt8]) {
        var pieces: [ByteBuffer] = []
        var remaining = text[...]
        while let place = remaining.firstRange(of: LoadTarget.placeholder) {
            pieces.append(ByteBuffer(substring: remaining[..<place.lowerBound]))
            remaining = remaining[place.upperBound...]
        }
        var last = ByteBuffer(substring: remaining)
        last.writeBytes(rest)
        pieces.append(last)
        self.pieces = pieces
        piecesCount = pieces.reduce(0) { $0 + $1.readableBytes }
    }

    /// The bytes with this number; without places the same storage each time.
    func bytes(_ number: UInt64) -> ByteBuffer {
        guard pieces.count > 1 else { return pieces[0] }
        var out = ByteBuffer()
        out.reserveCapacity(count(number))
        write(number, to: &out)
        return out
    }

    func write(_ number: UInt64, to out: inout ByteBuffer) {
        for (index, piece) in pieces.enumerated() {
            if index > 0 { out.writeString(String(number)) }
            out.writeImmutableBuffer(piece)
        }
    }

    /// How many bytes there are with this number.
    func count(_ number: UInt64) -> Int {
        piecesCount + (pieces.count - 1) * Self.digits(number)
    }

    private static func digits(_ number: UInt64) -> Int {
        var digits = 1
        var rest = number
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        return digits
    }
}
