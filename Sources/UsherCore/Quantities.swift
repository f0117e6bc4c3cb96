/// An amount of memory or of transferred data; text form `240B`, `16KiB`, `1GiB`.
public struct ByteCount: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Unit: bytes. Never negative when read from text.
    public var bytes: Int

    public init(bytes: Int) {
        self.bytes = bytes
    }

    /// Binary units only, so that nobody has to guess what a K is.
    public init(text: String) throws(TextProblem) {
        bytes = try QuantityText.read(text, units: Self.units, examples: "240B, 16KiB, 64MiB, 1GiB")
    }

    public static func kibibytes(_ count: Int) -> ByteCount { ByteCount(bytes: saturated(count, times: 1 << 10)) }
    public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(bytes: saturated(count, times: 1 << 20)) }
    public static func gibibytes(_ count: Int) -> ByteCount { ByteCount(bytes: saturated(count, times: 1 << 30)) }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    /// The largest unit that needs no fraction, so that reading it back gives the same count.
    public var description: String { largestUnit(bytes, Self.units) }

    static let units = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)]
}

/// How often something may happen; text form `100/s`, `60/min`, `1000/h`, `1/d`.
public struct Rate: Sendable, Hashable, CustomStringConvertible {
    public var count: Int
    /// The span in which `count` may happen; one second, minute, hour or day when read from text.
    public var per: Duration

    public init(count: Int, per: Duration) {
        self.count = count
        self.per = per
    }

    public init(text: String) throws(TextProblem) {
        let examples = "100/s, 60/min, 1000/h, 1/d"
        guard let quantity = try QuantityText(text) else {
            throw TextProblem("'\(shown(text))' is not a rate; write it like \(examples)")
        }
        guard !quantity.unit.isEmpty else { throw TextProblem("needs a unit: \(examples)") }
        guard let unit = Self.units.first(where: { "/" + $0.name == quantity.unit }) else {
            throw TextProblem("unknown unit '\(shown(quantity.unit))'; write a rate like \(examples)")
        }
        guard quantity.decimals == 0 else {
            throw TextProblem("'\(shown(text))' is not a whole number; choose a longer span, such as \(examples)")
        }
        count = quantity.digits
        per = .seconds(unit.seconds)
    }

    /// The average over a long time.
    public var perSecond: Double {
        let nanoseconds = per.nanosecondsClamped
        return nanoseconds == 0 ? 0 : Double(count) * 1e9 / Double(nanoseconds)
    }

    public var description: String {
        let unit = Self.units.first { per == .seconds($0.seconds) }
        return "\(count)/\(unit?.name ?? per.text)"
    }

    static let units: [(name: String, seconds: Int)] = [("s", 1), ("min", 60), ("h", 3600), ("d", 86400)]
}

/// How fast data must or may flow; text form `240B/s`, `1MiB/s`.
public struct ByteRate: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var bytesPerSecond: Int

    public init(bytesPerSecond: Int) {
        self.bytesPerSecond = bytesPerSecond
    }

    public init(text: String) throws(TextProblem) {
        let units = ByteCount.units.map { ($0.0 + "/s", $0.1) }
        bytesPerSecond = try QuantityText.read(text, units: units, examples: "240B/s, 64KiB/s, 1MiB/s")
    }

    public static func < (left: ByteRate, right: ByteRate) -> Bool { left.bytesPerSecond < right.bytesPerSecond }

    public var description: String { "\(ByteCount(bytes: bytesPerSecond))/s" }
}

/// A part of a whole, exact to a millionth so that shares add up; text form `20%`, `12.5%`.
public struct Share: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Unit: millionths; 100% is 1,000,000. Text gives 0%...10,000%; narrower ranges are the reader's.
    public var partsPerMillion: Int

    public init(partsPerMillion: Int) {
        self.partsPerMillion = partsPerMillion
    }

    public init(percent: Int) {
        partsPerMillion = saturated(percent, times: 10_000)
    }

    /// Rounded to millionths; not-a-number counts as zero.
    public init(fraction: Double) {
        partsPerMillion = Int(exactly: (fraction * 1e6).rounded()) ?? 0
    }

    public init(text: String) throws(TextProblem) {
        partsPerMillion = try QuantityText.read(text, units: [("%", 10_000)], examples: "5%, 12.5%, 100%")
        guard partsPerMillion <= 100_000_000 else { throw TextProblem("'\(shown(text))' is more than 10000%") }
    }

    /// 0.2 for 20%.
    public var fraction: Double { Double(partsPerMillion) / 1e6 }

    public static func < (left: Share, right: Share) -> Bool { left.partsPerMillion < right.partsPerMillion }

    public var description: String {
        let (whole, parts) = partsPerMillion.quotientAndRemainder(dividingBy: 10_000)
        guard parts != 0 else { return "\(whole)%" }
        var digits = String(parts.magnitude)
        while digits.count < 4 { digits = "0" + digits }
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)%"
    }
}

extension Duration {
    /// Text form `250ms`, `2s`, `5m`, `1h`, `30d`.
    public init(text: String) throws(TextProblem) {
        let examples = "250ms, 2s, 5m, 1h, 30d"
        let microseconds = try QuantityText.read(text, units: Self.textUnits, examples: examples)
        self = .microseconds(microseconds)
    }

    /// The largest unit that needs no fraction; finer than a microsecond is cut off.
    public var text: String {
        let microseconds = Int(clamping: nanosecondsClamped / 1000)
        return microseconds == 0 ? "0s" : largestUnit(microseconds, Self.textUnits)
    }

    /// Factors to microseconds.
    static let textUnits = [
        ("us", 1), ("ms", 1000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000),
    ]
}

private func saturated(_ count: Int, times factor: Int) -> Int {
    let (product, overflow) = count.multipliedReportingOverflow(by: factor)
    return overflow ? (count < 0 ? .min : .max) : product
}

private func largestUnit(_ value: Int, _ units: [(name: String, factor: Int)]) -> String {
    let fitting = value == 0 ? nil : units.last { value % $0.factor == 0 }
    guard let unit = fitting ?? units.first else { return "\(value)" }
    return "\(value / unit.factor)\(unit.name)"
}
