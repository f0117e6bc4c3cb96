internal import UsherCore

/// Who may call with a name and a password: a YAML list of `{ name: ann, class: gold, hash: … }`.
package struct UserFile: Sendable, Hashable {
    package struct Entry: Sendable, Hashable {
        /// Printable ASCII without spaces at its ends and without a colon (RFC 7617 §2). Range: 1...128 bytes.
        package var name: String
        package var callerClass: String
        /// The password's salted hash as text; whoever checks passwords reads it.
        package var hash: String

        package init(name: String, callerClass: String = CredentialKinds.authenticated, hash: String) {
            self.name = name
            self.callerClass = callerClass
            self.hash = hash
        }
    }

    /// In the order of the file; no name twice.
    package var entries: [Entry]

    /// Reads `text` as if it stood in `file`; an empty one is an empty list.
    ///
    /// - Parameters:
    ///   - classes: what a class may be, such as `authenticated` and `gold`; `anonymous` is none.
    ///   - hashProblem: what is wrong with a hash, as a sentence part; nil when it can be used.
    package static func read(
        text: String, file: String, classes: [String], hashProblem: @escaping (String) -> String? = { _ in nil }
    ) throws(ConfigurationProblems) -> UserFile {
        let kind = Entry.kind(classes: classes, hashProblem: hashProblem)
        let items = try CredentialList<Entry>(file: file, kind: kind).read(text)
        return UserFile(entries: items.map(\.entry))
    }

    /// Reads the file; takes a second for some 50,000 entries.
    package static func read(
        file: String, classes: [String], hashProblem: @escaping (String) -> String? = { _ in nil }
    ) throws(ConfigurationProblems) -> UserFile {
        try read(text: CredentialText.read(file), file: file, classes: classes, hashProblem: hashProblem)
    }
}

extension UserFile.Entry: CredentialEntry {
    static let hint = "- { name: ann, class: gold, hash: … }"

    static func kind(classes: [String]?) -> Kind<UserFile.Entry> {
        kind(classes: classes, hashProblem: { _ in nil })
    }

    static func kind(classes: [String]?, hashProblem: @escaping (String) -> String?) -> Kind<UserFile.Entry> {
        let name = CredentialKinds.name.checked { name in
            name.utf8.contains(UInt8(ascii: ":")) ? "must not have a colon, which ends the name in a request" : nil
        }
        return Shape(
            initial: UserFile.Entry(name: "", hash: ""),
            keys: [
                .value("name", \.name, name, required: true, "The user; services and logs get it."),
                .value("class", \.callerClass, CredentialKinds.callerClass(classes), "What the user may ask for."),
                .value(
                    "hash", \.hash, CredentialKinds.passwordHash.checked(hashProblem), required: true,
                    "The password's scrypt hash; the password itself stands nowhere."),
            ]
        ).kind(hint: "{ name: ann, class: gold, hash: … }")
    }

    var unique: String { name }
    var uniqueKey: String { "name" }

    func repeatedMessage(line: Int) -> String { "'\(name)' stands in line \(line) already; a user has one entry" }

    var members: [(key: String, value: String)] {
        [("name", name), ("class", callerClass), ("hash", hash)]
    }
}
