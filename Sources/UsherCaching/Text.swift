internal import UsherCore
internal import UsherHTTP

extension Array where Element == UInt8 {
    /// Appends a text of ours.
    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    /// A copy of bytes that lie elsewhere.
    init(_ bytes: Span<UInt8>) {
        self = []
        append(bytes)
    }
}

/// What the readers of field values have in common.
enum Text {
    static let comma: UInt8 = 0x2C
    static let quote: UInt8 = 0x22
    static let backslash: UInt8 = 0x5C
    static let semicolon: UInt8 = 0x3B
    static let equals: UInt8 = 0x3D

    static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == Octets.space || byte == Octets.tab
    }

    /// A range without the white space at both of its ends.
    static func trimmed(_ range: Range<Int>, _ bytes: Span<UInt8>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, isWhiteSpace(bytes[lower]) { lower += 1 }
        while upper > lower, isWhiteSpace(bytes[upper - 1]) { upper -= 1 }
        return lower..<upper
    }

    /// Behind the token that begins at a place; the place itself when there is none.
    static func endOfToken(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count, Octets.token.contains(bytes[index]) { index += 1 }
        return index
    }

    static func isToken(_ bytes: Span<UInt8>) -> Bool {
        !bytes.isEmpty && endOfToken(bytes, from: 0) == bytes.count
    }

    static func lowercased(_ bytes: Span<UInt8>) -> [UInt8] {
        var copy: [UInt8] = []
        copy.reserveCapacity(bytes.count)
        for index in bytes.indices { copy.append(Octets.lowercased(bytes[index])) }
        return copy
    }

    static func equal(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        guard one.count == other.count else { return false }
        for index in one.indices where one[index] != other[index] { return false }
        return true
    }
}
