package import UsherCore

/// What may stand in the parts of a request.
package enum FieldText {
    /// A method's or a field's name (RFC 9110 §5.6.2).
    package static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { isTokenByte($0) }
    }

    /// A request target or a host: bytes that one can see, and no others.
    package static func isTarget(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// Reads `Name: value`.
    package static func field(_ text: String) throws(TextProblem) -> (name: String, value: String) {
        guard let colon = text.firstIndex(of: ":") else {
            throw TextProblem("'\(text)' is not of the form 'Name: value'")
        }
        let name = text[..<colon]
        var value = text[text.index(after: colon)...]
        while value.first == " " || value.first == "\t" { value.removeFirst() }
        while value.last == " " || value.last == "\t" { value.removeLast() }
        guard isToken(name) else { throw TextProblem("'\(name)' is not a field's name") }
        guard value.utf8.allSatisfy({ ($0 >= 0x20 || $0 == 0x09) && $0 != 0x7F }) else {
            throw TextProblem("the value of \(name) holds a control character")
        }
        let lowered = name.lowercased()
        guard !framing.contains(lowered) else {
            throw TextProblem("\(name) is written by Usher itself, from the body")
        }
        return (String(name), String(value))
    }

    /// Fields that say where a message ends, or are a connection's own.
    private static let framing: Set<String> = ["content-length", "transfer-encoding", "connection", "upgrade"]

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
