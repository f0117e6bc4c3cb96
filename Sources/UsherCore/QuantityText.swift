/// A decimal number and the unit behind it, taken apart without rounding.
struct QuantityText {
    /// The digits without their point: 15 for `1.5`.
    var digits: Int
    /// How many of the digits stood behind the point: 1 for `1.5`.
    var decimals: Int
    /// What followed the number, as written.
    var unit: String

    /// More digits than this are refused: beyond it nothing that is configured makes sense, and no product overflows.
    static let maximumDigits = 15

    /// Nil when the text does not start with a number.
    init?(_ text: String) throws(TextProblem) {
        var digits = 0
        var digitCount = 0
        var decimals = 0
        var pointSeen = false
        var rest = text.utf8[...]
        while let byte = rest.first {
            if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
                digitCount += 1
                guard digitCount <= Self.maximumDigits else {
                    throw TextProblem("has more than \(Self.maximumDigits) digits")
                }
                digits = digits * 10 + Int(byte - UInt8(ascii: "0"))
                if pointSeen { decimals += 1 }
            } else if byte == UInt8(ascii: "."), !pointSeen, digitCount > 0 {
                pointSeen = true
            } else {
                break
            }
            rest.removeFirst()
        }
        guard digitCount > 0 else { return nil }
        guard !pointSeen || decimals > 0 else { throw TextProblem("has a point without digits behind it") }
        self.digits = digits
        self.decimals = decimals
        self.unit = String(Substring(rest))
    }

    /// The number times `factor`, or nil when that is too large or not whole.
    func times(_ factor: Int) -> Int? {
        let (product, overflow) = digits.multipliedReportingOverflow(by: factor)
        guard !overflow else { return nil }
        var divisor = 1
        // At most `maximumDigits` rounds, so the power stays below 10¹⁶.
        for _ in 0..<decimals { divisor *= 10 }
        return product % divisor == 0 ? product / divisor : nil
    }

    /// Reads `text` as a number with one of `units`; `examples` show the right form in the problem.
    static func read(_ text: String, units: [(name: String, factor: Int)], examples: String) throws(TextProblem) -> Int
    {
        guard let quantity = try QuantityText(text) else {
            throw TextProblem("'\(shown(text))' is not understood; write it like \(examples)")
        }
        guard !quantity.unit.isEmpty else { throw TextProblem("needs a unit: \(examples)") }
        guard let unit = units.first(where: { $0.name == quantity.unit }) else {
            let names = units.map(\.name).joined(separator: ", ")
            throw TextProblem("unknown unit '\(shown(quantity.unit))'; the units are \(names)")
        }
        guard let value = quantity.times(unit.factor) else {
            throw TextProblem("'\(shown(text))' is too large or too fine")
        }
        return value
    }
}

/// A user's text as it may stand in a one-line message: control characters escaped, cut after 80 characters.
package func shown(_ text: String) -> String {
    var result = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
        if index == 80 { return result + "…" }
        let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        // Line and paragraph separators and direction marks would bend the line as well.
        let bends = (0x2028...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
        result += isControl || bends ? "\\u{" + String(scalar.value, radix: 16) + "}" : String(scalar)
    }
    return result
}

/// The same of bytes; what is no UTF-8 becomes a replacement character.
package func shown(_ text: Span<UInt8>) -> String {
    // No 81 characters have more bytes, and the 81st is where the text is cut.
    let text = text.extracting(first: 4 * 81)
    // The pointer is good while the closure runs, which is all that the copy takes.
    return shown(unsafe text.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) })
}
