import Crypto
import Foundation
import UsherTestKit

/// Signs tokens without the library that verifies them.
struct TokenIssuer: Sendable {
    enum Key: Sendable {
        case secret(String)
        case p256(P256.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
        /// A file in PEM for the command `openssl`.
        case rsa(file: String)
    }

    let identifier: String
    let key: Key

    static func es256(_ identifier: String) -> TokenIssuer {
        TokenIssuer(identifier: identifier, key: .p256(P256.Signing.PrivateKey()))
    }

    static func edDSA(_ identifier: String) -> TokenIssuer {
        TokenIssuer(identifier: identifier, key: .ed25519(Curve25519.Signing.PrivateKey()))
    }

    static func hs256(_ secret: String) -> TokenIssuer { TokenIssuer(identifier: "secret", key: .secret(secret)) }

    static func rs256(_ identifier: String, in folder: String) async throws -> TokenIssuer {
        let file = "\(folder)/\(identifier).key"
        let result = try await Tool.run("openssl", ["genrsa", "-out", file, "2048"])
        guard result.code == 0 else { throw TestKitError.ended("openssl: \(result.output)") }
        return TokenIssuer(identifier: identifier, key: .rsa(file: file))
    }

    var algorithm: String {
        switch self.key {
        case .secret: "HS256"
        case .p256: "ES256"
        case .ed25519: "EdDSA"
        case .rsa: "RS256"
        }
    }

    /// A set with the public keys of these.
    static func keySet(_ issuers: TokenIssuer...) async throws -> String {
        var keys: [String] = []
        for issuer in issuers { keys.append(try await issuer.jwk()) }
        return "{\"keys\":[\(keys.joined(separator: ","))]}"
    }

    private func jwk() async throws -> String {
        let common = "\"kid\":\"\(self.identifier)\",\"use\":\"sig\""
        switch self.key {
        case .secret:
            throw TestKitError.ended("a secret is not shown")
        case .p256(let key):
            let point = key.publicKey.rawRepresentation
            let (x, y) = (Self.encode(point.prefix(32)), Self.encode(point.suffix(32)))
            return "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\(x)\",\"y\":\"\(y)\",\(common)}"
        case .ed25519(let key):
            let x = Self.encode(key.publicKey.rawRepresentation)
            return "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\(x)\",\(common)}"
        case .rsa(let file):
            let result = try await Tool.run("openssl", ["rsa", "-in", file, "-noout", "-modulus"])
            let digits = result.output.split(separator: "=").last.map { $0.filter(\.isHexDigit) } ?? ""
            let bytes = stride(from: 0, to: digits.count, by: 2).map { offset in
                UInt8(digits.dropFirst(offset).prefix(2), radix: 16) ?? 0
            }
            return "{\"kty\":\"RSA\",\"n\":\"\(Self.encode(bytes))\",\"e\":\"AQAB\",\(common)}"
        }
    }

    // MARK: Tokens

    /// Claims that are good for an hour.
    static func claims(_ subject: String, expiresIn seconds: Double = 3600, _ more: String = "") -> String {
        let expiry = Int(Date.now.timeIntervalSince1970 + seconds)
        return "{\"sub\":\"\(subject)\",\"exp\":\(expiry)\(more.isEmpty ? "" : ",")\(more)}"
    }

    /// - Parameter header: what stands there in place of the right algorithm and key.
    func token(_ claims: String, header: String? = nil) async throws -> String {
        let header = header ?? "{\"alg\":\"\(self.algorithm)\",\"kid\":\"\(self.identifier)\"}"
        let input = Self.encode(header.utf8) + "." + Self.encode(claims.utf8)
        return input + "." + Self.encode(try await self.signature(of: input))
    }

    /// As a request shows it.
    func field(_ claims: String) async throws -> String { Self.field(try await self.token(claims)) }

    static func field(_ token: String) -> String { "Authorization: Bearer \(token)\r\n" }

    private func signature(of text: String) async throws -> [UInt8] {
        switch self.key {
        case .secret(let secret):
            return Array(HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: .init(data: Data(secret.utf8))))
        case .p256(let key):
            return Array(try key.signature(for: Data(text.utf8)).rawRepresentation)
        case .ed25519(let key):
            return Array(try key.signature(for: Data(text.utf8)))
        case .rsa(let file):
            let place = file + UUID().uuidString
            let result = try await Tool.run("openssl", ["dgst", "-sha256", "-sign", file, "-out", place], input: text)
            guard result.code == 0, let bytes = FileManager.default.contents(atPath: place) else {
                throw TestKitError.ended("openssl: \(result.output)")
            }
            return Array(bytes)
        }
    }

    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
