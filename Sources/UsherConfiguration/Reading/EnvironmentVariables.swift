import UsherCore

/// `${NAME}` and `${NAME:-default}` inside a value; `$${` stands for `${`.
enum EnvironmentVariables {
    /// Nil when the text refers to no variable and has nothing to unescape.
    static func fill(_ text: String, from environment: [String: String]) throws(TextProblem) -> String? {
        let dollar = UInt8(ascii: "$")
        let brace = UInt8(ascii: "{")
        let bytes = Array(text.utf8)
        guard zip(bytes, bytes.dropFirst()).contains(where: { $0 == dollar && $1 == brace }) else { return nil }
        var result: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.first {
            if rest.starts(with: [dollar, dollar, brace]) {
                result += [dollar, brace]
                rest = rest.dropFirst(3)
            } else if rest.starts(with: [dollar, brace]) {
                guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else {
                    throw TextProblem("has a ${ without its }; a literal ${ is written $${")
                }
                let inside = String(decoding: rest[(rest.startIndex + 2)..<end], as: UTF8.self)
                result += Array(try value(inside, from: environment).utf8)
                rest = rest[(end + 1)...]
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// As in a shell, a default also stands in for an empty value.
    private static func value(
        _ reference: String, from environment: [String: String]
    ) throws(TextProblem) -> String {
        let bytes = Array(reference.utf8)
        let nameLength = bytes.prefix { isNameByte($0) }.count
        let name = String(decoding: bytes[..<nameLength], as: UTF8.self)
        let rest = String(decoding: bytes[nameLength...], as: UTF8.self)
        guard let first = bytes.first, isNameByte(first), !(48...57).contains(first),
            rest.isEmpty || rest.hasPrefix(":-")
        else {
            throw TextProblem("'${\(shown(reference))}' is not understood; write ${NAME} or ${NAME:-default}")
        }
        guard rest.isEmpty else {
            let value = environment[name] ?? ""
            return value.isEmpty ? String(rest.dropFirst(2)) : value
        }
        guard let value = environment[name] else {
            throw TextProblem(
                "the environment variable \(shown(name)) is not set; ${\(shown(name)):-default} gives a default")
        }
        return value
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
