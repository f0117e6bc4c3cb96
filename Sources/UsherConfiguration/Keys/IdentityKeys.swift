import UsherCore
import UsherQuotas

extension IdentitySettings {
    static var shape: Shape<IdentitySettings> {
        Shape(
            initial: IdentitySettings(),
            keys: [
                .value(
                    "classes", \.classes, .classes,
                    "Classes of callers beside anonymous and authenticated, such as plans that one can buy."),
                .optional(
                    "keys", \.keys, KeySettings.shape.kind(hint: "{ file: keys.yaml }"),
                    default: "API keys are not read", "API keys, of which only hashes are kept."),
                .optional(
                    "jwt", \.jwt, .tokens, default: "tokens are not read",
                    "Signed tokens in Authorization: Bearer (RFC 7519)."),
                .optional(
                    "basic", \.basicFile,
                    Shape(
                        initial: "",
                        keys: [
                            .value("file", \.self, .path, required: true, "A list of { name, class, hash }. Watched.")
                        ]
                    ).kind(hint: "{ file: users.yaml }"),
                    default: "passwords are not read", "Names and passwords by HTTP basic authentication (RFC 7617)."),
            ])
    }
}

extension KeySettings {
    static var shape: Shape<KeySettings> {
        Shape(
            initial: KeySettings(),
            keys: [
                .value("header", \.header, .token("a field's name"), "The field that carries the key."),
                .value(
                    "file", \.file, .path, required: true,
                    "A list of { name, class, sha256 }; `usher keys add` writes it. Watched."),
            ])
    }
}

extension Kind where Value == [String] {
    /// Names of classes, each once.
    static var classes: Kind {
        list(of: .className, hint: "[gold, silver]").checked { names in
            if let builtIn = names.first(where: CallerClass.builtInNames.contains) {
                return "'\(builtIn)' is always there; name only others"
            }
            if let reserved = names.first(where: QuotaSettings.reservedWords.contains) {
                return "'\(reserved)' has a meaning of its own in quotas; choose another name"
            }
            var seen: Set<String> = []
            if let twice = names.first(where: { !seen.insert($0).inserted }) { return "'\(twice)' stands twice" }
            return names.count <= 64 ? nil : "has more than 64 classes"
        }
    }
}

extension Kind where Value == String {
    /// What fits into a metric's label and a header field as it is.
    static var className: Kind {
        parsed(pattern: "[a-z0-9A-Z][-_a-z0-9A-Z]*") { text, _ throws(TextProblem) in
            if let problem = plainNameProblem(text) { throw TextProblem(problem) }
            return text
        } write: {
            $0
        }
    }

    /// Why a text cannot be such a name; nil: it can.
    static func plainNameProblem(_ text: String) -> String? {
        isPlainName(text)
            ? nil : "'\(shown(text))' cannot be a name: letters, digits, '-' and '_', at most 63"
    }

    /// What fits into a metric's label, a header field and a key of a store as it is.
    static func isPlainName(_ text: String) -> Bool {
        let isAlphanumeric = { (byte: UInt8) in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        return (1...63).contains(text.utf8.count) && isAlphanumeric(text.utf8.first ?? 0)
            && text.utf8.allSatisfy { isAlphanumeric($0) || "-_".utf8.contains($0) }
    }
}

/// A token's rules while they are read: which of the two kinds of keys stands there is known only at the end.
struct TokenDraft {
    var jwks: TokenSettings.Keys?
    var secret: String?
    var settings = TokenSettings(keys: .file(""))

    init() {}

    init(_ settings: TokenSettings) {
        self.settings = settings
        switch settings.keys {
        case .file, .url: jwks = settings.keys
        case .secret(let file): secret = file
        }
    }

    /// Nil when neither could be read; a problem has then been noted.
    var finished: TokenSettings? {
        guard let keys = jwks ?? secret.map(TokenSettings.Keys.secret) else { return nil }
        var result = settings
        result.keys = keys
        return result
    }

    static var shape: Shape<TokenDraft> {
        Shape(
            initial: TokenDraft(),
            keys: [
                .optional(
                    "jwks", \.jwks, .keySet, default: "none",
                    "File or URL of a JSON Web Key Set (RFC 7517) with the issuer's public keys. Watched."),
                .optional(
                    "secret", \.secret, .secret, default: "none", "The file with the secret of HS256 and its kin."),
                .optional("issuer", \.settings.issuer, .text, default: "any", "What a token's iss must be."),
                .optional("audience", \.settings.audience, .text, default: "any", "What a token's aud must name."),
                .optional(
                    "class", \.settings.callerClass, .claims, default: "authenticated",
                    "The caller's class from its claims, such as {claim.plan}; what is no class is authenticated."
                ),
                .value(
                    "algorithms", \.settings.algorithms, .list(of: .cases(), hint: "[RS256, ES256]"),
                    "Signatures that are accepted; an empty list: all that fit the keys."),
                .value(
                    "clock-skew", \.settings.clockSkew, .duration(.zero...(.seconds(3600))),
                    "How much the issuer's clock may differ from ours."),
            ],
            choice: Choice(keys: ["jwks", "secret"], reason: "public keys and a secret never stand beside each other"),
            finish: checkAlgorithms)
    }

    /// A secret verifies HS* only, public keys never: whoever knows a public key could else sign with it.
    private static func checkAlgorithms(_ draft: inout TokenDraft, _ node: ConfigurationNode, _ reading: Reading) {
        guard case .mapping(let entries) = node.content, let entry = entries.first(where: { $0.key == "algorithms" })
        else { return }
        let isSecret = draft.secret != nil
        let keys = isSecret ? "a secret" : "public keys"
        for algorithm in draft.settings.algorithms where algorithm.isSymmetric != isSecret {
            reading.inside("algorithms") {
                reading.note(
                    "\(algorithm.rawValue) cannot be verified with \(keys); take it away",
                    at: entry.value.position)
            }
        }
    }
}

extension Kind where Value == TokenSettings {
    static var tokens: Kind {
        let draft = TokenDraft.shape.kind(hint: "{ jwks: jwks.json, issuer: https://id.example.com }")
        return Kind(
            schema: draft.schema, read: { node, reading in draft.read(node, reading)?.finished },
            write: { draft.write(TokenDraft($0)) })
    }
}

extension Kind where Value == TokenSettings.Keys {
    /// A file, or a URL by its scheme.
    static var keySet: Kind {
        let path = Kind<String>.path
        return Kind(
            schema: path.schema,
            read: { node, reading in
                guard let (text, _) = reading.text(of: node) else { return nil }
                guard text.contains("://") else { return path.read(node, reading).map(TokenSettings.Keys.file) }
                guard let problem = WebAddress.problem(of: text) else { return .url(text) }
                reading.note(problem, at: node.position)
                return nil
            },
            write: { .string($0.place) })
    }
}

extension Kind where Value == Template {
    /// A template of claims alone: nothing that the caller sends beside its token may choose its class.
    static var claims: Kind {
        line.checked { template in
            let isFine = template.parts.allSatisfy { part in
                guard case .variables(let variables) = part else { return true }
                return variables.allSatisfy { if case .claim = $0 { true } else { false } }
            }
            return isFine ? nil : "can only be made of claims, such as {claim.plan}"
        }
    }
}
