import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherIdentities
import UsherQuotas

/// Everything that credentials are compared with: made from the files of `identities`, immutable, swapped whole.
final class Credentials: Sendable {
    /// What a name may log in with.
    struct User: Sendable, Equatable {
        var hash: PasswordHash
        var caller: Caller

        static func == (left: User, right: User) -> Bool {
            left.hash == right.hash && left.caller.name == right.caller.name
                && left.caller.className == right.caller.className
        }
    }

    let settings: IdentitySettings
    /// Requests may carry a credential that is read.
    let readsAny: Bool
    let classes: CallerClasses
    let keys: [CredentialDigest: Caller]
    let users: [[UInt8]: User]
    /// Nil: tokens are not read, or the keys that they are signed with are not known yet.
    let tokens: TokenVerifier?
    /// The versions of the files that all this was read from.
    let stamps: [String: FileStamp?]
    /// In lower case; the field that carries an API key.
    let keyField: [UInt8]
    /// `WWW-Authenticate` lines, each with its CR LF, but for what a refused token adds.
    let challenges: String

    init(
        _ settings: IdentitySettings, keys: [CredentialDigest: Caller] = [:], users: [[UInt8]: User] = [:],
        tokens: TokenVerifier? = nil, stamps: [String: FileStamp?] = [:]
    ) {
        self.settings = settings
        self.readsAny = settings.readsCredentials
        self.classes = CallerClasses(settings.classNames)
        self.keys = keys
        self.users = users
        self.tokens = tokens
        self.stamps = stamps
        self.keyField = Array((settings.keys?.header ?? "").lowercased().utf8)
        self.challenges = Self.challenges(of: settings)
    }

    /// Without any: everybody is anonymous, but for those who show a certificate.
    static let none = Credentials(IdentitySettings())

    var readsAuthorization: Bool { self.settings.jwt != nil || self.settings.basicFile != nil }

    /// RFC 9110 §11.6.1 wants at least one. API keys have no scheme of their own; the name says where one goes.
    private static func challenges(of settings: IdentitySettings) -> String {
        var lines: [String] = []
        if settings.jwt != nil { lines.append("Bearer realm=\"usher\"") }
        if settings.basicFile != nil { lines.append("Basic realm=\"usher\", charset=\"UTF-8\"") }
        if let keys = settings.keys { lines.append("ApiKey realm=\"usher\", header=\"\(keys.header)\"") }
        if lines.isEmpty { lines.append("ClientCertificate realm=\"usher\"") }
        return lines.map { "WWW-Authenticate: \($0)\r\n" }.joined()
    }

    /// The caller that a verified token names.
    func caller(_ token: VerifiedToken) -> Caller {
        var name: [UInt8] = []
        self.settings.jwt?.callerClass?.render(into: &name, from: ClaimSource(claims: token.claims))
        return Caller(
            name: token.subject, self.classes.known(String(decoding: name, as: UTF8.self)), of: self.classes,
            claims: token.claims)
    }
}

/// What a template of claims reads.
private struct ClaimSource: TemplateSource {
    let claims: [String: String]

    func append(_ variable: Template.Variable, to bytes: inout [UInt8]) -> Bool {
        guard case .claim(let name) = variable, let value = self.claims[name] else { return false }
        bytes.append(contentsOf: value.utf8)
        return true
    }
}
