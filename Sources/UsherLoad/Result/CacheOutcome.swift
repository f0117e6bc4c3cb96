/// What Usher's cache did with a request, as the answer's `Cache-Status` tells (RFC 9211).
package enum CacheOutcome: String, Sendable, Hashable, CaseIterable {
    /// The stored answer was sent; the service was not asked.
    case hit
    /// It waited for another request that asked the service for the same.
    case collapsed
    /// The service was asked, for the reason that the field gives (RFC 9211 §2.2).
    case bypass, method, miss, request, stale, partial
    case uriMiss = "uri-miss"
    case varyMiss = "vary-miss"
    /// The service was asked, and nobody knows why.
    case forwarded

    /// Whether the service behind the cache had to answer.
    package var isForwarded: Bool { self != .hit && self != .collapsed }

    /// What the first member that is named `usher` says; nil when there is none.
    package init?(cacheStatus value: Span<UInt8>) {
        var reader = CacheStatusReader()
        while reader.position < value.count {
            if let outcome = reader.member(value) {
                self = outcome
                return
            }
        }
        return nil
    }
}

/// Reads the members of a `Cache-Status` field one after the other; what is malformed is passed over.
private struct CacheStatusReader {
    private(set) var position = 0

    /// The outcome in the next member, when that is Usher's.
    mutating func member(_ value: Span<UInt8>) -> CacheOutcome? {
        let name = item(value)
        let isUsher = equals(value, name, "usher")
        var isHit = false
        var isCollapsed = false
        var reason: CacheOutcome?
        while position < value.count, value[position] != UInt8(ascii: ",") {
            let isParameter = value[position] == UInt8(ascii: ";")
            position += 1
            // A byte that should not be here is passed over.
            guard isParameter else { continue }
            let key = item(value)
            var argument: Range<Int>?
            if position < value.count, value[position] == UInt8(ascii: "=") {
                position += 1
                argument = item(value)
            }
            guard isUsher else { continue }
            if equals(value, key, "hit") { isHit = true }
            if equals(value, key, "collapsed") { isCollapsed = argument.map { !equals(value, $0, "?0") } ?? true }
            if equals(value, key, "fwd"), let argument { reason = Self.reason(value, argument) }
        }
        position += 1
        guard isUsher else { return nil }
        if let reason { return isCollapsed ? .collapsed : reason }
        return isHit ? .hit : nil
    }

    /// A token or a string, white space around it passed over; where it stands, quotes left out.
    private mutating func item(_ value: Span<UInt8>) -> Range<Int> {
        skipSpaces(value)
        let start = position
        if position < value.count, value[position] == UInt8(ascii: "\"") {
            position += 1
            while position < value.count, value[position] != UInt8(ascii: "\"") {
                position += value[position] == UInt8(ascii: "\\") ? 2 : 1
            }
            let end = min(position, value.count)
            position = min(position + 1, value.count)
            skipSpaces(value)
            return (start + 1)..<end
        }
        while position < value.count, !Self.isEnd(value[position]) { position += 1 }
        let end = position
        skipSpaces(value)
        return start..<end
    }

    private mutating func skipSpaces(_ value: Span<UInt8>) {
        while position < value.count, value[position] == 0x20 || value[position] == 0x09 { position += 1 }
    }

    private static func isEnd(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "=") || byte == 0x20
            || byte == 0x09
    }

    private static func reason(_ value: Span<UInt8>, _ range: Range<Int>) -> CacheOutcome {
        let text = String(decoding: range.map { value[$0] }, as: UTF8.self)
        return CacheOutcome(rawValue: text).flatMap { $0.isForwarded ? $0 : nil } ?? .forwarded
    }

    private func equals(_ value: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for (offset, index) in range.enumerated() {
            // Letters only are compared with another case of them: the names here have no others.
            guard value[index] | 0x20 == text.utf8Start[offset] | 0x20 else { return false }
        }
        return true
    }
}
