import Crypto
import FoundationEssentials
import Testing
import UsherReplication

@testable import UsherGateway

@Suite struct CookieSignerTests {
    private static let secret = SessionSecret(bytes: Array("0123456789abcdef".utf8))

    @Test("an authenticator is the first half of the library's HMAC", arguments: 0...130)
    func agreement(count: Int) {
        let key = SymmetricKey(data: (0..<min(count, 64)).map { UInt8($0) })
        let message = (0..<count).map { UInt8($0) }
        let authenticator = CookieSigner(key: key).authenticator(of: message.span)
        let expected = Array(HMAC<SHA256>.authenticationCode(for: message, using: key)).prefix(16)
        let words = [authenticator.high, authenticator.low]
        #expect(
            words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
                == Array(expected))
    }

    @Test("each secret, service and cookie has its own authenticators")
    func separation() throws {
        let secret = try #require(Self.secret)
        let other = try #require(SessionSecret(bytes: Array("0123456789abcdeg".utf8)))
        let signers = [
            CookieSigner(secret: secret, service: "cart", cookie: "sid"),
            CookieSigner(secret: secret, service: "card", cookie: "sid"),
            CookieSigner(secret: secret, service: "cart", cookie: "sie"),
            CookieSigner(secret: secret, service: "carts", cookie: "id"),
            CookieSigner(secret: other, service: "cart", cookie: "sid"),
        ]
        let codes = Set(signers.map { $0.authenticator(of: [1, 2, 3].span) })
        #expect(codes.count == signers.count)
    }

    /// A gateway of another version, beside this one, must come to the same; the number is that of Python's hmac.
    @Test("the derivation of keys does not change")
    func derivation() throws {
        let signer = CookieSigner(secret: try #require(Self.secret), service: "cart", cookie: "usher-session")
        let authenticator = signer.authenticator(of: Array("message".utf8).span)
        #expect(authenticator == .init(high: 0xF029_E313_6475_DE25, low: 0x6257_0DC1_6FCD_5B24))
    }

    @Test("a secret has at least 16 bytes", arguments: [0, 1, 15, 16, 4_096])
    func size(count: Int) {
        #expect((SessionSecret(bytes: [UInt8](repeating: 1, count: count)) != nil) == (count >= 16))
    }
}
