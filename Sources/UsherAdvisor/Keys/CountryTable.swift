package import UsherCore

/// Which country an address belongs to, by a table of ranges; of ranges that lie in one another the narrowest counts.
package struct CountryTable: Sendable {
    /// From here up to the next one.
    private struct Span {
        var first: IPAddress
        /// Hash of the country's code; `FieldHash.none`: no range has the address.
        var country: UInt64
    }

    private var spans: [Span] = []

    /// Reads lines `CIDR,CODE`; empty lines and those that begin with `#` are passed over, quotes are taken off.
    package init(text: String) throws(TextProblem) {
        var ranges: [(range: IPRange, country: UInt64)] = []
        var number = 0
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            guard let first = line.first, first != "#" else { continue }
            let columns = line.split(separator: ",", omittingEmptySubsequences: false).map { column in
                String(column.filter { $0 != "\"" && $0 != " " })
            }
            guard columns.count >= 2, !columns[1].isEmpty else {
                throw TextProblem("line \(number): write it like 192.0.2.0/24,FR")
            }
            do {
                let code = Array(columns[1].utf8)
                ranges.append((try IPRange(text: columns[0]), FieldHash.of(code, 0..<code.count)))
            } catch {
                // The titles that tables begin with.
                if number > 1 { throw TextProblem("line \(number): \(error.message)") }
            }
        }
        guard !ranges.isEmpty else { throw TextProblem("has no line like 192.0.2.0/24,FR") }
        spans = Self.flat(ranges)
    }

    /// `FieldHash.none` for an address that no range has.
    func country(of address: IPAddress) -> UInt64 {
        var (low, high) = (0, spans.count)
        while low < high {
            let middle = (low + high) / 2
            if spans[middle].first <= address { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? FieldHash.none : spans[low - 1].country
    }

    /// Makes ranges that may lie in one another into spans that follow one another.
    private static func flat(_ ranges: [(range: IPRange, country: UInt64)]) -> [Span] {
        let sorted = ranges.sorted { left, right in
            left.range.first != right.range.first
                ? left.range.first < right.range.first : left.range.prefix < right.range.prefix
        }
        var spans: [Span] = []
        /// Those that have begun and not ended, the widest first.
        var open: [(last: IPAddress, country: UInt64)] = []
        func close(before first: IPAddress?) {
            while let ended = open.last, first.map({ ended.last < $0 }) ?? true {
                open.removeLast()
                guard let next = ended.last.next else { continue }
                begin(next, open.last?.country ?? FieldHash.none)
            }
        }
        func begin(_ first: IPAddress, _ country: UInt64) {
            if spans.last?.first == first { spans.removeLast() }
            if spans.last?.country != country { spans.append(Span(first: first, country: country)) }
        }
        for (range, country) in sorted {
            close(before: range.first)
            begin(range.first, country)
            open.append((range.last, country))
        }
        close(before: nil)
        return spans
    }
}

extension IPRange {
    /// The last address.
    fileprivate var last: IPAddress {
        let bits = first.isV4 ? 96 + prefix : prefix
        let high = bits >= 64 ? 0 : UInt64.max >> UInt64(bits)
        let low = bits <= 64 ? UInt64.max : bits >= 128 ? 0 : UInt64.max >> UInt64(bits - 64)
        return IPAddress(high: first.high | high, low: first.low | low)
    }
}

extension IPAddress {
    /// The one behind it; nil: there is none.
    fileprivate var next: IPAddress? {
        if low < .max { return IPAddress(high: high, low: low + 1) }
        return high < .max ? IPAddress(high: high + 1, low: 0) : nil
    }
}
