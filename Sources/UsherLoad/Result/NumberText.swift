/// Numbers as people read them.
package enum NumberText {
    /// `1,234,567`
    package static func grouped(_ number: UInt64) -> String {
        var text = ""
        let digits = String(number)
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return text
    }

    /// A rate in whole numbers, and with two decimals where there are few.
    static func rate(_ number: Double) -> String {
        number < 10 ? fixed(number, decimals: 2) : grouped(UInt64(clamping: Int(min(number, 1e15).rounded())))
    }

    /// `12.30`; negative numbers count as 0.
    package static func fixed(_ number: Double, decimals: Int) -> String {
        var factor: UInt64 = 1
        for _ in 0..<decimals { factor *= 10 }
        let scaled = UInt64(clamping: Int(min(max(0, number), 1e12) * Double(factor) + 0.5))
        let (whole, rest) = scaled.quotientAndRemainder(dividingBy: factor)
        guard decimals > 0 else { return "\(whole)" }
        let digits = String(rest)
        return "\(whole)." + String(repeating: "0", count: decimals - digits.count) + digits
    }

    /// A time that was measured: `0.052 ms`, `1.25 ms`, `120.4 ms`, `2.50 s`.
    static func milliseconds(_ number: Double?) -> String {
        guard let number else { return "-" }
        switch number {
        case ..<1: return fixed(number, decimals: 3) + " ms"
        case ..<100: return fixed(number, decimals: 2) + " ms"
        case ..<10_000: return fixed(number, decimals: 1) + " ms"
        default: return fixed(number / 1000, decimals: 2) + " s"
        }
    }

    /// `93.4%`
    package static func percent(_ share: Double) -> String {
        fixed(share * 100, decimals: 1) + "%"
    }

    /// `1.25 MiB/s`
    static func bytesPerSecond(_ number: Double) -> String {
        var number = number
        var unit = "B/s"
        for larger in ["KiB/s", "MiB/s", "GiB/s"] where number >= 1024 {
            number /= 1024
            unit = larger
        }
        return fixed(number, decimals: unit == "B/s" ? 0 : 2) + " " + unit
    }

    /// Two digits that count, the rest cut off: what is said to hold must not be more than was seen.
    static func about(_ number: Double) -> String {
        guard number >= 1 else { return fixed(number, decimals: 2) }
        var value = UInt64(clamping: Int(min(number, 1e15)))
        var power: UInt64 = 1
        while value >= 100 {
            value /= 10
            power *= 10
        }
        return grouped(value * power)
    }
}
