/// Looking for things in bytes that lie in memory, without copying any.
extension [UInt8] {
    @inline(__always)
    func find(_ byte: UInt8, in range: Range<Int>) -> Int? {
        var index = range.lowerBound
        while index < range.upperBound {
            if self[index] == byte { return index }
            index += 1
        }
        return nil
    }

    func find(_ text: StaticString, in range: Range<Int>) -> Int? {
        range.first { begins(with: text, $0..<range.upperBound) }
    }

    func begins(with text: StaticString, _ range: Range<Int>) -> Bool {
        let count = text.utf8CodeUnitCount
        guard range.count >= count else { return false }
        return text.withUTF8Buffer { wanted in
            for index in 0..<count where self[range.lowerBound + index] != wanted[index] { return false }
            return true
        }
    }

    func equals(_ text: StaticString, _ range: Range<Int>) -> Bool {
        range.count == text.utf8CodeUnitCount && begins(with: text, range)
    }

    /// A number of up to 18 decimal digits and nothing else.
    @inline(__always)
    func number(_ range: Range<Int>) -> Int? {
        guard (1...18).contains(range.count) else { return nil }
        var value = 0
        for index in range {
            let digit = self[index] &- 0x30
            guard digit <= 9 else { return nil }
            // Eighteen digits fit.
            value = value &* 10 &+ Int(digit)
        }
        return value
    }

    /// A number such as `0.012` or `12`, times a million, cut behind the sixth decimal.
    func millionths(_ range: Range<Int>) -> Int? {
        guard let point = find(UInt8(ascii: "."), in: range) else {
            return number(range).flatMap { $0 < 1_000_000_000_000 ? $0 * 1_000_000 : nil }
        }
        let decimals = point + 1..<Swift.min(range.upperBound, point + 7)
        guard let whole = number(range.lowerBound..<point), whole < 1_000_000_000_000, var rest = number(decimals),
            number(point + 1..<Swift.min(range.upperBound, point + 19)) != nil
        else { return nil }
        for _ in decimals.count..<6 { rest *= 10 }
        return whole * 1_000_000 + rest
    }
}
