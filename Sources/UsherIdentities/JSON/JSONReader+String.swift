extension JSONReader {
    /// A string with its quotes (RFC 8259 §7), its escapes put right.
    mutating func string() throws(Problem) -> String {
        var text: [UInt8] = []
        _ = self.take()
        while let byte = self.take() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try self.appendEscaped(to: &text)
            case 0..<0x20: throw self.problem("a control character stands in a string")
            default: text.append(byte)
            }
        }
        throw self.problem("a string does not end")
    }

    private mutating func appendEscaped(to text: inout [UInt8]) throws(Problem) {
        switch self.take() {
        case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): text.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: UTF8.encode(try self.escapedScalar()) ?? .init())
        default: throw self.problem("an escape is malformed")
        }
    }

    /// `\u00e9`, or the two halves of a character above U+FFFF.
    private mutating func escapedScalar() throws(Problem) -> Unicode.Scalar {
        let unit = try self.escapedUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard (0xD800..<0xDC00).contains(unit), self.take() == UInt8(ascii: "\\"), self.take() == UInt8(ascii: "u")
        else { throw self.problem("half a character is escaped") }
        let low = try self.escapedUnit()
        guard (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        else { throw self.problem("half a character is escaped") }
        return scalar
    }

    private mutating func escapedUnit() throws(Problem) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = self.take(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw self.problem("an escape is malformed")
            }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }
}
