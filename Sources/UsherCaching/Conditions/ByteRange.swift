public import UsherHTTP

/// What a request's `Range` comes to.
public enum RangeVerdict: Sendable, Hashable {
    /// All of it, with 200: there is no range, or none that is served in part.
    case whole
    /// These bytes, with 206. Never empty.
    case part(Range<Int>)
    /// 416: there are no such bytes.
    case unsatisfiable
}

/// Reads `Range` (RFC 9110 §14.2). Served is one range of bytes of GET; a server may send the whole instead of several,
/// and must where the field is malformed or the unit is not known.
public enum ByteRange {
    /// - Parameter length: of the whole answer's body, in bytes.
    public static func read(_ request: RequestHead, length: Int) -> RangeVerdict {
        guard request.known.contains(.range), request.method == .get,
            request.fields.count(where: { $0.id == .range }) == 1, let slice = request.slice(of: .range)
        else { return .whole }
        return request.withBytes(slice) { read($0, length: length) }
    }

    private static func read(_ value: Span<UInt8>, length: Int) -> RangeVerdict {
        guard value.count > 6, equalsIgnoringCase(value.extracting(0..<6), "bytes=") else { return .whole }
        var cursor = ElementCursor()
        let set = value.extracting(6...)
        guard let only = cursor.next(set), cursor.next(set) == nil else { return .whole }
        let range = set.extracting(only)
        var dash = 0
        while dash < range.count, range[dash] != 0x2D { dash += 1 }
        guard dash < range.count else { return .whole }
        let first = number(range.extracting(0..<dash))
        let last = number(range.extracting((dash + 1)...))
        switch (first, last) {
        case (.number(let first), .number(let last)):
            guard first <= last else { return .whole }
            return first < length ? .part(first..<min(last, length - 1) + 1) : .unsatisfiable
        case (.number(let first), .empty):
            return first < length ? .part(first..<length) : .unsatisfiable
        case (.empty, .number(let count)):
            guard count > 0 else { return .unsatisfiable }
            // The end of nothing is nothing, which no `Content-Range` can tell.
            return length > 0 ? .part(max(0, length - count)..<length) : .whole
        default:
            return .whole
        }
    }

    private enum Position {
        case empty
        case number(Int)
        case malformed
    }

    /// Digits; what is too large for any body counts as the largest number.
    private static func number(_ text: Span<UInt8>) -> Position {
        guard !text.isEmpty else { return .empty }
        var result = 0
        for index in text.indices {
            guard Octets.isDigit(text[index]) else { return .malformed }
            let (tenfold, overflow) = result.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(Int(text[index] &- 0x30))
            result = overflow || carry ? .max : sum
        }
        return .number(result)
    }
}
