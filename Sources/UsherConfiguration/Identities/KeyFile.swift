package import UsherCore

/// Who may call with an API key: a YAML list of `{ name: acme, class: gold, sha256: HEX }`.
///
/// One name may have several keys, so that a new one can be given out before the old one is revoked.
package struct KeyFile: Sendable, Hashable {
    /// One key: whose it is and what stands for it.
    package struct Entry: Sendable, Hashable {
        /// Printable ASCII without spaces at its ends. Range: 1...128 bytes.
        package var name: String
        package var callerClass: String
        package var digest: CredentialDigest

        package init(
            name: String, callerClass: String = CredentialKinds.authenticated, digest: CredentialDigest
        ) {
            self.name = name
            self.callerClass = callerClass
            self.digest = digest
        }
    }

    /// In the order of the file; no digest twice.
    package var entries: [Entry]

    /// Reads `text` as if it stood in `file`; an empty one is an empty list.
    ///
    /// - Parameter classes: what a class may be, such as `authenticated` and `gold`; `anonymous` is none.
    package static func read(
        text: String, file: String, classes: [String]
    ) throws(ConfigurationProblems) -> KeyFile {
        let items = try CredentialList<Entry>(file: file, kind: Entry.kind(classes: classes)).read(text)
        return KeyFile(entries: items.map(\.entry))
    }

    /// Reads the file; takes a second for some 50,000 entries.
    package static func read(file: String, classes: [String]) throws(ConfigurationProblems) -> KeyFile {
        try read(text: CredentialText.read(file), file: file, classes: classes)
    }
}

extension KeyFile.Entry: CredentialEntry {
    static let hint = "- { name: acme, class: gold, sha256: … }"

    static func kind(classes: [String]?) -> Kind<KeyFile.Entry> {
        Shape(
            initial: KeyFile.Entry(name: "", digest: CredentialDigest(words: (0, 0, 0, 0))),
            keys: [
                .value(
                    "name", \.name, CredentialKinds.name, required: true,
                    "Who calls with this key; services and logs get it. Several keys may have one name."),
                .value("class", \.callerClass, CredentialKinds.callerClass(classes), "What the caller may ask for."),
                .value(
                    "sha256", \.digest, CredentialKinds.digest, required: true,
                    "The key's SHA-256 in hexadecimal; the key itself stands nowhere."),
            ]
        ).kind(hint: "{ name: acme, class: gold, sha256: … }")
    }

    var unique: CredentialDigest { digest }
    var uniqueKey: String { "sha256" }

    func repeatedMessage(line: Int) -> String { "the same key stands in line \(line) already" }

    var members: [(key: String, value: String)] {
        [("name", name), ("class", callerClass), ("sha256", digest.hexadecimal)]
    }
}
