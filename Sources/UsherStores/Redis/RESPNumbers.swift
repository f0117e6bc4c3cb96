/// Reads what stands behind the first byte of a line; takes no spelling that Redis would not write.
enum RESPNumbers {
    private static let zero = UInt8(ascii: "0")

    /// - Throws: also for a number that does not fit into 64 bits, and for zeros in front.
    static func integer(_ text: Span<UInt8>) throws(RESPProblem) -> Int64 {
        var index = 0
        var isNegative = false
        if let first = text.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            isNegative = first == UInt8(ascii: "-")
            index = 1
        }
        guard index < text.count, text[index] != Self.zero || text.count == 1 else { throw Self.problem("integer") }
        var value: Int64 = 0
        while index < text.count {
            let digit = text[index] &- Self.zero
            guard digit <= 9 else { throw Self.problem("integer") }
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isOver) =
                isNegative
                ? product.subtractingReportingOverflow(Int64(digit)) : product.addingReportingOverflow(Int64(digit))
            guard !isTooLarge, !isOver else { throw Self.problem("integer") }
            value = sum
            index += 1
        }
        return value
    }

    static func boolean(_ text: Span<UInt8>) throws(RESPProblem) -> Bool {
        switch text.count == 1 ? text[0] : 0 {
        case UInt8(ascii: "t"): true
        case UInt8(ascii: "f"): false
        default: throw Self.problem("boolean")
        }
    }

    /// Digits with a sign in front.
    static func bigNumber(_ text: Span<UInt8>) throws(RESPProblem) -> String {
        var digits = 0
        for index in text.indices {
            let isSign = index == 0 && (text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+"))
            guard isSign || text[index] &- Self.zero <= 9 else { throw Self.problem("big number") }
            if !isSign { digits += 1 }
        }
        guard digits > 0 else { throw Self.problem("big number") }
        return Self.string(text)
    }

    /// `inf`, `-inf`, `nan`, or decimal digits with fraction and exponent.
    static func double(_ text: Span<UInt8>) throws(RESPProblem) -> Double {
        let word = Self.string(text)
        switch word {
        case "inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        default: break
        }
        // The initialiser takes hexadecimal digits and words too.
        let isDecimal = word.utf8.allSatisfy { byte in
            switch byte {
            case Self.zero...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                true
            default: false
            }
        }
        guard isDecimal, let value = Double(word) else { throw Self.problem("double") }
        return value
    }

    private static func string(_ text: Span<UInt8>) -> String {
        text.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    private static func problem(_ what: String) -> RESPProblem {
        RESPProblem("what should be one \(what) is none")
    }
}

extension Span {
    fileprivate var first: Element? { self.isEmpty ? nil : self[0] }
}
