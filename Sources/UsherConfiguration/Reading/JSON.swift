/// A JSON value that keeps the order of its keys.
indirect enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int)
    case string(String)
    /// A text of which only `shown` is ever written; two are the same when what they hide is.
    case masked(shown: String, hidden: String)
    case array([JSON])
    case object([Member])

    struct Member: Sendable, Hashable {
        var key: String
        var value: JSON
    }

    /// An object from pairs.
    static func members(_ pairs: KeyValuePairs<String, JSON>) -> JSON {
        .object(pairs.map { Member(key: $0.key, value: $0.value) })
    }

    static func strings(_ texts: some Sequence<String>) -> JSON {
        .array(texts.map(JSON.string))
    }

    /// The object with one more member; anything else stays as it is.
    func adding(_ key: String, _ value: JSON) -> JSON {
        guard case .object(let members) = self else { return self }
        return .object(members + [Member(key: key, value: value)])
    }

    /// The object with another value of a member that it has.
    func replacing(_ key: String, by value: JSON) -> JSON {
        guard case .object(let members) = self else { return self }
        return .object(members.map { $0.key == key ? Member(key: key, value: value) : $0 })
    }

    /// RFC 8259 text, indented by two spaces, without a final line feed.
    var text: String {
        var result = ""
        append(to: &result, indentation: 0)
        return result
    }

    private func append(to text: inout String, indentation: Int) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .int(let value): text += "\(value)"
        case .string(let value), .masked(let value, _): Self.append(value, to: &text)
        case .array(let values):
            // Lists of single values are easier to read on one line.
            let isShort = values.allSatisfy(\.isScalar)
            Self.append(values, between: ("[", "]"), isShort: isShort, indentation, to: &text) { value, text in
                value.append(to: &text, indentation: indentation + 1)
            }
        case .object(let members):
            Self.append(members, between: ("{", "}"), isShort: false, indentation, to: &text) { member, text in
                Self.append(member.key, to: &text)
                text += ": "
                member.value.append(to: &text, indentation: indentation + 1)
            }
        }
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    private static func append<Element>(
        _ elements: [Element], between brackets: (String, String), isShort: Bool, _ indentation: Int,
        to text: inout String, _ appendElement: (Element, inout String) -> Void
    ) {
        text += brackets.0
        for (index, element) in elements.enumerated() {
            if index > 0 { text += isShort ? ", " : "," }
            if !isShort { text += "\n" + String(repeating: "  ", count: indentation + 1) }
            appendElement(element, &text)
        }
        if !isShort, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indentation) }
        text += brackets.1
    }

    private static func append(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\r": text += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
