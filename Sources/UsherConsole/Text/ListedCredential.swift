/// One key or password, as `usher keys list` shows it.
package struct ListedCredential: Codable, Sendable, Hashable {
    package var name: String
    package var callerClass: String
    /// `key` or `password`.
    package var kind: String
    /// Of a key; tells keys of one name apart.
    package var sha256: String?

    enum CodingKeys: String, CodingKey {
        case name, kind, sha256
        case callerClass = "class"
    }

    package init(name: String, callerClass: String, kind: String, sha256: String?) {
        self.name = name
        self.callerClass = callerClass
        self.kind = kind
        self.sha256 = sha256
    }

    package static func text(_ all: [ListedCredential], _ style: TextStyle) -> String {
        guard !all.isEmpty else { return "Nobody yet: `usher keys add NAME` makes a key." }
        var table = TextTable([
            .init(title: "NAME"), .init(title: "CLASS"), .init(title: "BY"), .init(title: "SHA-256"),
        ])
        for one in all {
            let digest = one.sha256.map { "\($0.prefix(12))…" } ?? ""
            table.add([.init(one.name), .init(one.callerClass), .init(one.kind), .init(digest, .faint)])
        }
        return table.text(style)
    }
}
