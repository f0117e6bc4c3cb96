package import UsherCore

/// Keys that Usher makes: `usher_` and 43 characters of base64url, which are 256 random bits.
///
/// The prefix lets scanners of leaked secrets, and people, see what it is. A key that somebody else made may look
/// otherwise; only its digest counts.
package enum APIKey {
    package static let prefix = "usher_"
    private static let randomBytes = 32

    /// A new key. It is shown once and stored nowhere.
    package static func make() -> String {
        self.prefix + Base64.encodeURL(SystemRandomNumberGenerator.bytes(self.randomBytes))
    }

    /// What stands for the key in a file.
    package static func digest(of key: String) -> CredentialDigest {
        CredentialDigest(of: key.utf8)
    }
}

extension SystemRandomNumberGenerator {
    /// As many bytes from the system's cryptographic source.
    static func bytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
