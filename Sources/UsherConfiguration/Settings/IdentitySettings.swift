public import UsherCore
internal import UsherQuotas

/// How callers are recognised, and which classes they may have.
public struct IdentitySettings: Sendable, Hashable {
    /// Beside `anonymous` and `authenticated`; in the order of the file.
    public var classes: [String] = []
    public var keys: KeySettings?
    public var jwt: TokenSettings?
    /// Absolute path of the file with names and password hashes for HTTP basic authentication.
    public var basicFile: String?

    public init() {}

    /// Requests may carry a credential that is read.
    public var readsCredentials: Bool { keys != nil || jwt != nil || basicFile != nil }

    /// Those that somebody known can have.
    public var knownClassNames: [String] { Array(classNames.dropFirst()) }

    /// All classes in the order of their numbers.
    public var classNames: [String] { CallerClass.builtInNames + classes }
}

/// API keys.
public struct KeySettings: Sendable, Hashable {
    /// The field that carries the key. Default: `X-API-Key`.
    public var header = "X-API-Key"
    /// Absolute path of the list of names, classes and SHA-256 hashes of the keys.
    public var file = ""

    public init() {}
}

/// Signed tokens (RFC 7519) in `Authorization: Bearer`.
public struct TokenSettings: Sendable, Hashable {
    public enum Keys: Sendable, Hashable {
        /// Absolute path of a JSON Web Key Set.
        case file(String)
        /// `http` or `https` URL of one.
        case url(String)
        /// Absolute path of the secret that HS256 and its kin are signed with.
        case secret(String)

        /// Path or URL.
        public var place: String {
            switch self {
            case .file(let path), .secret(let path): path
            case .url(let url): url
            }
        }
    }

    public var keys: Keys
    /// What `iss` must be. Nil: anything.
    public var issuer: String?
    /// What `aud` must name. Nil: anything.
    public var audience: String?
    /// Of claims; what it gives is the caller's class when there is one of that name. Nil: `authenticated`.
    public var callerClass: Template?
    /// Empty: all that fit the keys.
    public var algorithms: [TokenAlgorithm] = []
    /// How much the clocks of issuers may differ from ours. Default: 60 s.
    public var clockSkew = Duration.seconds(60)

    public init(keys: Keys) {
        self.keys = keys
    }
}
