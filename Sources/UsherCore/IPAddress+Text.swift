extension IPAddress {
    /// Nil unless it is a dotted quad without leading zeros, or IPv6 text (RFC 4291 §2.2) without brackets and zone.
    public init?(text: some StringProtocol) {
        let bytes = Array(text.utf8.prefix(46))
        // The longest form has 45 characters.
        guard bytes.count <= 45 else { return nil }
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = Self.groups(bytes[...]) else { return nil }
            var high: UInt64 = 0
            var low: UInt64 = 0
            for group in groups {
                high = high << 16 | low >> 48
                low = low << 16 | UInt64(group)
            }
            self.init(high: high, low: low)
        } else {
            guard let number = Self.quad(bytes[...]) else { return nil }
            self.init(v4: number)
        }
    }

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

    private static func quad(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            // A leading zero is read as octal elsewhere, so it has no one meaning.
            guard part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            guard let value = decimal(Substring(decoding: part, as: UTF8.self), below: 256) else { return nil }
            number = number << 8 | UInt32(value)
        }
        return number
    }

    /// The eight groups of IPv6 text; `::` may stand once, for at least one group of zeros.
    private static func groups(_ bytes: ArraySlice<UInt8>) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        let gap = bytes.indices.dropLast().first { bytes[$0] == colon && bytes[$0 + 1] == colon }
        guard let gap else {
            guard let all = list(bytes, quadAllowed: true), all.count == 8 else { return nil }
            return all
        }
        let before = bytes[..<gap]
        let after = bytes[(gap + 2)...]
        guard let left = before.isEmpty ? [] : list(before, quadAllowed: false),
            let right = after.isEmpty ? [] : list(after, quadAllowed: true),
            left.count + right.count <= 7
        else { return nil }
        return left + Array(repeating: 0, count: 8 - left.count - right.count) + right
    }

    /// Groups between single colons; the last may be a dotted quad, which counts as two.
    private static func list(_ bytes: ArraySlice<UInt8>, quadAllowed: Bool) -> [UInt16]? {
        var groups: [UInt16] = []
        let parts = bytes.split(separator: UInt8(ascii: ":"), maxSplits: 8, omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if quadAllowed, index == parts.count - 1, let number = quad(part) {
                groups.append(UInt16(truncatingIfNeeded: number >> 16))
                groups.append(UInt16(truncatingIfNeeded: number))
                continue
            }
            guard (1...4).contains(part.count) else { return nil }
            var value: UInt16 = 0
            for byte in part {
                guard let digit = hexadecimalDigit(byte) else { return nil }
                value = value << 4 | UInt16(digit)
            }
            groups.append(value)
        }
        return groups
    }
}

/// A number of decimal digits only (no sign, no space), or nil when it is not below `bound`.
func decimal(_ text: some StringProtocol, below bound: Int) -> Int? {
    guard (1...9).contains(text.utf8.count) else { return nil }
    var value = 0
    for byte in text.utf8 {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        // Nine digits stay below 10⁹.
        value = value * 10 + Int(byte - UInt8(ascii: "0"))
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
