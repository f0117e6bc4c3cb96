internal import UsherCore

/// The values of an entry. They are taken as they are written: no `${…}` is filled in from the environment.
package enum CredentialKinds {
    /// The class of an entry that names none.
    package static let authenticated = "authenticated"
    /// The longest name. Unit: bytes.
    package static let longestName = 128

    /// A name can stand in a header field and in a line of a log, and comes out of them as it went in.
    static var name: Kind<String> {
        literal(pattern: "[!-~]([ -~]{0,126}[!-~])?") { text throws(TextProblem) in
            guard (1...longestName).contains(text.utf8.count) else {
                throw TextProblem("must have 1 to \(longestName) characters, not \(text.utf8.count)")
            }
            guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw TextProblem("'\(shown(text))' has other characters than printable ASCII")
            }
            guard text.utf8.first != 0x20, text.utf8.last != 0x20 else {
                throw TextProblem("must not begin or end with a space")
            }
            return text
        } write: {
            $0
        }
    }

    /// One of the classes; nil: any that could be one.
    static func callerClass(_ classes: [String]?) -> Kind<String> {
        let known = classes?.filter { $0 != "anonymous" }
        return literal(pattern: "[!-~]+") { text throws(TextProblem) in
            guard text != "anonymous" else {
                throw TextProblem("'anonymous' is who has no credential; name another class, or none")
            }
            guard let known else {
                // Of a class that is not known only this is certain: it is a word.
                guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                    throw TextProblem("'\(shown(text))' cannot be a class")
                }
                return text
            }
            guard known.contains(text) else {
                let hint = Spelling.hint(for: text, among: known)
                let list = known.prefix(20).joined(separator: ", ")
                throw TextProblem("there is no class '\(shown(text))'\(hint); it is one of \(list)")
            }
            return text
        } write: {
            $0
        }
    }

    /// Never repeats what is written there: it might be the key itself.
    static var digest: Kind<CredentialDigest> {
        literal(pattern: "[0-9A-Fa-f]{64}") { text throws(TextProblem) in
            guard let digest = CredentialDigest(hexadecimal: text) else {
                throw TextProblem("must be 64 hexadecimal digits, the key's SHA-256; never put the key itself here")
            }
            return digest
        } write: {
            $0.hexadecimal
        }
    }

    /// The form only; never repeats what is written there: it might be the password itself.
    static var passwordHash: Kind<String> {
        literal(pattern: "scrypt(\\$[-_0-9A-Za-z]+){5}") { text throws(TextProblem) in
            let parts = text.utf8.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
            guard parts.count == 6, parts[0].elementsEqual("scrypt".utf8), text.utf8.count <= 512,
                text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else {
                throw TextProblem("must be a hash such as scrypt$14$8$1$SALT$HASH; never put the password itself here")
            }
            return text
        } write: {
            $0
        }
    }

    private static func literal<Value>(
        pattern: String, _ parse: @escaping (String) throws(TextProblem) -> Value,
        write: @escaping (Value) -> String
    ) -> Kind<Value> {
        Kind(
            schema: .members(["type": .string("string"), "pattern": .string("^\(pattern)$")]),
            read: { node, reading in
                guard !node.isEmpty, case .scalar(let text, _) = node.content else {
                    let found = node.isEmpty ? "has no value" : "must be a single value, not \(node.kindName)"
                    reading.note(found, at: node.position)
                    return nil
                }
                do throws(TextProblem) {
                    return try parse(text)
                } catch {
                    reading.note(error.message, at: node.position)
                    return nil
                }
            }, write: { .string(write($0)) })
    }
}
