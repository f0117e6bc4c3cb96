/// Comma-separated tokens (RFC 9110 §5.6.1), with empty elements skipped.
enum TokenList {
    /// The next element: nil at the end, `.some(nil)` for an element that is no token.
    static func next(_ value: Span<UInt8>, _ position: inout Int) -> Range<Int>?? {
        while position < value.count, isSeparator(value[position]) { position += 1 }
        guard position < value.count else { return nil }
        let start = position
        while position < value.count, Octets.token.contains(value[position]) { position += 1 }
        let end = position
        while position < value.count, isWhiteSpace(value[position]) { position += 1 }
        guard end > start, position == value.count || value[position] == 0x2C else { return .some(nil) }
        return .some(start..<end)
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == 0x2C || isWhiteSpace(byte)
    }

    private static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == Octets.space || byte == Octets.tab
    }
}

/// Judges Transfer-Encoding: the only coding accepted is one `chunked`.
enum TransferCoding {
    static func fault(_ value: Span<UInt8>) -> Fault? {
        if equalsIgnoringCase(value, "chunked") { return nil }
        var position = 0
        var isAfterChunked = false
        var isEmpty = true
        while let coding = TokenList.next(value, &position) {
            guard let coding, !isAfterChunked else { return .malformedCoding }
            isAfterChunked = equalsIgnoringCase(value.extracting(coding), "chunked")
            isEmpty = false
        }
        // `chunked` with empty elements beside it, or nothing at all, is read differently by different services.
        let isSingle = isAfterChunked && !hasOtherCoding(value)
        return isEmpty || isSingle
            ? .malformedCoding : .unknownCoding
    }

    private static func hasOtherCoding(_ value: Span<UInt8>) -> Bool {
        var position = 0
        while let coding = TokenList.next(value, &position) {
            if let coding, !equalsIgnoringCase(value.extracting(coding), "chunked") { return true }
        }
        return false
    }
}

/// Whether bytes are a text without regard to case; the text is in lower case.
package func equalsIgnoringCase(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount else { return false }
    for index in bytes.indices {
        guard unsafe Octets.lowercased(bytes[index]) == text.utf8Start[index] else { return false }
    }
    return true
}

/// Whether bytes are a text without regard to case and to `_` for `-`; the text is in lower case.
package func equalsFolded(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount else { return false }
    for index in bytes.indices {
        guard unsafe Octets.folded(bytes[index]) == text.utf8Start[index] else { return false }
    }
    return true
}

/// Whether two names are the same without regard to case and to `_` for `-`.
package func equalsFolded(_ bytes: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
    guard bytes.count == other.count else { return false }
    for index in bytes.indices {
        guard Octets.folded(bytes[index]) == Octets.folded(other[index]) else { return false }
    }
    return true
}
