extension IPAddress {
    /// Nil unless it is a dotted quad without leading zeros, or IPv6 text (RFC 4291 §2.2) without brackets and zone.
    public init?(text: some StringProtocol) {
        self.init(text: Array(text.utf8.prefix(Self.longestText + 1)).span)
    }

    /// The same from bytes, without a String or any other allocation.
    public init?(text: Span<UInt8>) {
        guard text.count <= Self.longestText else { return nil }
        for index in text.indices where text[index] == UInt8(ascii: ":") {
            guard let number = Self.groups(text) else { return nil }
            self.init(high: UInt64(number >> 64), low: UInt64(truncatingIfNeeded: number))
            return
        }
        guard let number = Self.quad(text, from: 0) else { return nil }
        self.init(v4: number)
    }

    /// Of IPv6 with a dotted quad at its end. Unit: bytes.
    private static let longestText = 45

    /// Dotted quad, or IPv6 in its canonical form (RFC 5952 §4).
    public var description: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends what `description` gives, without a String.
    public func append(to bytes: inout [UInt8]) {
        if let number = v4 {
            for shift in [24, 16, 8, 0] as [UInt32] {
                Self.appendDecimal(UInt8(truncatingIfNeeded: number >> shift), to: &bytes)
                if shift > 0 { bytes.append(UInt8(ascii: ".")) }
            }
            return
        }
        let run = longestZeroRun
        var index = 0
        while index < 8 {
            if index == run.lowerBound, run.count > 1 {
                bytes.append(UInt8(ascii: ":"))
                bytes.append(UInt8(ascii: ":"))
                index = run.upperBound
                continue
            }
            if index > 0, index != run.upperBound || run.count < 2 { bytes.append(UInt8(ascii: ":")) }
            Self.appendHexadecimal(group(index), to: &bytes)
            index += 1
        }
    }

    private func group(_ index: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index % 4)))
    }

    /// The first of the longest runs of zero groups.
    private var longestZeroRun: Range<Int> {
        var best = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || group(index) != 0 {
            if index - start > best.count { best = start..<index }
            start = index + 1
        }
        return best
    }

    private static func appendDecimal(_ value: UInt8, to bytes: inout [UInt8]) {
        if value >= 100 { bytes.append(UInt8(ascii: "0") + value / 100) }
        if value >= 10 { bytes.append(UInt8(ascii: "0") + value / 10 % 10) }
        bytes.append(UInt8(ascii: "0") + value % 10)
    }

    private static func appendHexadecimal(_ value: UInt16, to bytes: inout [UInt8]) {
        var started = false
        for shift in [12, 8, 4, 0] as [UInt16] {
            let digit = UInt8(truncatingIfNeeded: value >> shift & 0xF)
            started = started || digit != 0 || shift == 0
            if started { bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10) }
        }
    }

    /// The dotted quad that begins at `start` and ends with the text.
    private static func quad(_ text: Span<UInt8>, from start: Int) -> UInt32? {
        var number: UInt32 = 0
        var index = start
        for part in 0..<4 {
            if part > 0 {
                guard index < text.count, text[index] == UInt8(ascii: ".") else { return nil }
                index += 1
            }
            let first = index
            var value: UInt32 = 0
            // Below "0" the difference wraps around to a large number.
            while index < text.count, index - first < 3, text[index] &- UInt8(ascii: "0") < 10 {
                value = value * 10 + UInt32(text[index] - UInt8(ascii: "0"))
                index += 1
            }
            // A leading zero is read as octal elsewhere, so it has no one meaning.
            let hasLeadingZero = index - first > 1 && text[first] == UInt8(ascii: "0")
            guard index > first, value < 256, !hasLeadingZero else { return nil }
            number = number << 8 | value
        }
        return index == text.count ? number : nil
    }

    /// The eight groups of IPv6 text as one number; `::` may stand once, for at least one group of zeros.
    private static func groups(_ text: Span<UInt8>) -> UInt128? {
        let colon = UInt8(ascii: ":")
        var number: UInt128 = 0
        var count = 0
        let beginsWithGap = text.count >= 2 && text[0] == colon && text[1] == colon
        /// How many groups stand before `::`.
        var gap = beginsWithGap ? 0 : nil
        var index = beginsWithGap ? 2 : 0
        while index < text.count {
            // Nothing can follow a dotted quad, so it is the last two groups or none.
            if let last = quad(text, from: index) {
                number = number << 32 | UInt128(last)
                count += 2
                break
            }
            guard let group = group(text, from: index) else { return nil }
            number = number << 16 | UInt128(group.value)
            count += 1
            index = group.end
            guard index < text.count else { break }
            guard text[index] == colon, index + 1 < text.count else { return nil }
            index += 1
            if text[index] == colon {
                guard gap == nil else { return nil }
                gap = count
                index += 1
            }
        }
        guard let gap else { return count == 8 ? number : nil }
        guard count <= 7 else { return nil }
        let bitsBehind = 16 * (count - gap)
        let before = number >> bitsBehind
        let behind = number ^ (before << bitsBehind)
        return before << (128 - 16 * gap) | behind
    }

    /// The group of one to four digits that begins at `start`.
    private static func group(_ text: Span<UInt8>, from start: Int) -> (value: UInt16, end: Int)? {
        var value: UInt16 = 0
        var index = start
        while index < text.count, index - start < 4, let digit = hexadecimalDigit(text[index]) {
            value = value << 4 | UInt16(digit)
            index += 1
        }
        return index > start ? (value, index) : nil
    }
}

/// A number of decimal digits only (no sign, no space), or nil when it is not below `bound`.
func decimal(_ text: some StringProtocol, below bound: Int) -> Int? {
    decimal(Array(text.utf8.prefix(10)).span, below: bound)
}

/// The same of bytes. At most nine digits are read.
func decimal(_ text: Span<UInt8>, below bound: Int) -> Int? {
    guard (1...9).contains(text.count) else { return nil }
    var value = 0
    for index in text.indices {
        guard text[index] >= UInt8(ascii: "0"), text[index] <= UInt8(ascii: "9") else { return nil }
        // Nine digits stay below 10⁹.
        value = value * 10 + Int(text[index] - UInt8(ascii: "0"))
    }
    return value < bound ? value : nil
}

func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
