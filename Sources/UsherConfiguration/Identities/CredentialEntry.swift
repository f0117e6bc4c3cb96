/// What lists of keys and of users have in common.
protocol CredentialEntry: Sendable, Hashable {
    associatedtype Unique: Hashable

    /// A line of the list, to show how one looks.
    static var hint: String { get }

    /// How an entry is read; nil allows any class, for edits of files whose classes are not at hand.
    static func kind(classes: [String]?) -> Kind<Self>

    var name: String { get }
    /// What no two entries of a file share, and the key under which it is written.
    var unique: Unique { get }
    var uniqueKey: String { get }

    /// - Parameter line: of the earlier entry.
    func repeatedMessage(line: Int) -> String

    /// What is written, in this order.
    var members: [(key: String, value: String)] { get }
}

extension CredentialEntry {
    /// `- { name: "acme", class: gold, sha256: … }`
    var line: String {
        let written = members.map { "\($0.key): \($0.key == "name" ? quoted($0.value) : word($0.value))" }
        return "- { \(written.joined(separator: ", ")) }"
    }

    /// As it is where YAML can take it for nothing else.
    private func word(_ text: String) -> String {
        let isPlain =
            text != "null" && text.utf8.first.map(isLetterOrDigit) == true
            && text.utf8.allSatisfy { isLetterOrDigit($0) || [0x24, 0x2D, 0x2E, 0x5F].contains($0) }
        return isPlain ? text : quoted(text)
    }

    /// In double quotes (YAML 1.2 §7.3.1), in printable ASCII.
    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C: result += "\\\(scalar)"
            case 0x20...0x7E: result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            }
        }
        return result + "\""
    }

    private func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}
