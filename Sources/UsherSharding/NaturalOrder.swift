/// The order in which people count: digits that stand together are one number, all else is bytes. s2 before s10.
///
/// Names that differ in nothing but leading zeros follow each other, the one with fewer zeros first; so no two names
/// are equal, and the order of a list never matters.
enum NaturalOrder {
    static func precedes(_ left: String, _ right: String) -> Bool {
        let left = left.utf8.span
        let right = right.utf8.span
        var (here, there) = (0, 0)
        var hasFewerZeros: Bool?
        while here < left.count, there < right.count {
            guard isDigit(left[here]), isDigit(right[there]) else {
                if left[here] != right[there] { return left[here] < right[there] }
                here += 1
                there += 1
                continue
            }
            let (mine, yours) = (Number(in: left, at: here), Number(in: right, at: there))
            // Without leading zeros the longer number is the greater one.
            if mine.digits != yours.digits { return mine.digits < yours.digits }
            for offset in 0..<mine.digits {
                let (digit, other) = (left[here + mine.zeros + offset], right[there + yours.zeros + offset])
                if digit != other { return digit < other }
            }
            if hasFewerZeros == nil, mine.zeros != yours.zeros { hasFewerZeros = mine.zeros < yours.zeros }
            here += mine.zeros + mine.digits
            there += yours.zeros + yours.digits
        }
        let (rest, otherRest) = (left.count - here, right.count - there)
        return rest == otherRest ? hasFewerZeros ?? false : rest < otherRest
    }

    /// Digits that stand together.
    private struct Number {
        var zeros = 0
        /// Those after the zeros.
        var digits = 0

        init(in text: Span<UInt8>, at start: Int) {
            while start + zeros < text.count, text[start + zeros] == UInt8(ascii: "0") { zeros += 1 }
            let first = start + zeros
            while first + digits < text.count, isDigit(text[first + digits]) { digits += 1 }
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
