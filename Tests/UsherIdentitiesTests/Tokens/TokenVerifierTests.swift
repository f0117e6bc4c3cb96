import Foundation
import JWTKit
import Testing
import UsherCore

@testable import UsherIdentities

@Suite(.timeLimit(.minutes(1))) struct TokenVerifierTests {
    @Test(
        "a token of every algorithm is verified, and no key of another one verifies it",
        arguments: TokenAlgorithm.allCases)
    func algorithms(algorithm: TokenAlgorithm) async throws {
        let key = try await TestKey.make(algorithm)
        let verifier = try TokenVerifier(keys: await key.keys(), rules: TokenRules())
        let token = try key.token(goodClaims)
        #expect(
            verifier.verify(token, unixSeconds: now)
                == .success(
                    VerifiedToken(
                        subject: "ann", expiresAt: now + 100, claims: ["sub": "ann", "exp": "\(now + 100)"])))
        // Another key of the same kind (the one RSA key of the tests signs another way).
        let isRSA = TokenAlgorithm.rsa.contains(algorithm)
        let other = try await TestKey.make(isRSA ? (algorithm == .rs256 ? .ps256 : .rs256) : algorithm)
        let forged = try other.token(header: "{\"alg\":\"\(algorithm.rawValue)\"}", goodClaims)
        #expect(verifier.fault(forged) == .badSignature)
    }

    @Test("tokens that jwt-kit makes are believed")
    func library() async throws {
        struct Claims: JWTPayload {
            var sub: SubjectClaim
            var exp: ExpirationClaim
            var aud: AudienceClaim
            var plan: String
            func verify(using _: some JWTAlgorithm) throws {}
        }
        let key = ES256PrivateKey()
        let collection = await JWTKeyCollection().add(ecdsa: key, kid: "one")
        let claims = Claims(
            sub: "ann", exp: .init(value: .init(timeIntervalSince1970: Double(now + 100))),
            aud: .init(value: ["api", "web"]), plan: "gold")
        let token = try await collection.sign(claims, kid: "one")
        let parameters = try #require(key.parameters)
        let (x, y) = (urlSafe(parameters.x), urlSafe(parameters.y))
        let jwk = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"one\",\"x\":\"\(x)\",\"y\":\"\(y)\"}"
        let keys = try await TokenKeys.jwks(Array(keySet([jwk]).utf8))
        let verifier = try TokenVerifier(keys: keys, rules: TokenRules(audience: "web"))
        let verified = try verifier.verify(Array(token.utf8), unixSeconds: now).get()
        #expect(verified.subject == "ann" && verified.expiresAt == now + 100)
        #expect(verified.claims["aud"] == "api,web" && verified.claims["plan"] == "gold")
    }

    private func urlSafe(_ text: String) -> String {
        text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// The examples name no subject, or are no claims at all: whoever says so has found the signature good.
    @Test("the tokens in the standards have good signatures")
    func vectors() async throws {
        let claims =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        // RFC 7515 §A.1
        let secret = try #require(
            Base64.decodeURL(
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow".utf8))
        let symmetric = try TokenVerifier(keys: await .secret(secret), rules: TokenRules())
        let first = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\(claims).dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        #expect(symmetric.fault(Array(first.utf8), at: 1_300_819_379) == .noSubject)
        #expect(symmetric.fault(Array(first.utf8)) == .expired)

        // RFC 7515 §A.3 and RFC 8037 §A.4
        let keys = keySet([
            """
            {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
             "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}
            """, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
        ])
        let verifier = try TokenVerifier(keys: await .jwks(Array(keys.utf8)), rules: TokenRules())
        let third =
            "eyJhbGciOiJFUzI1NiJ9.\(claims)."
            + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        #expect(verifier.fault(Array(third.utf8), at: 1_300_819_379) == .noSubject)
        let fourth =
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
            + "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        #expect(verifier.fault(Array(fourth.utf8)) == .malformed)
        // The last byte differs; and the same byte with bits behind it.
        #expect(verifier.fault(Array((fourth.dropLast() + "w").utf8)) == .badSignature)
        #expect(verifier.fault(Array((fourth.dropLast() + "h").utf8)) == .malformed)
    }

    @Test("of two keys the named one verifies; a rotation needs no moment without both")
    func rotation() async throws {
        let old = try await TestKey.make(.es256)
        let new = try await TestKey.make(.es256)
        func verifier(_ jwks: [String]) async throws -> TokenVerifier {
            try TokenVerifier(keys: await .jwks(Array(keySet(jwks).utf8)), rules: TokenRules())
        }
        let (oldKey, newKey) = (old.jwk(",\"kid\":\"old\""), new.jwk(",\"kid\":\"new\""))
        let oldToken = try old.token(header: "{\"alg\":\"ES256\",\"kid\":\"old\"}", goodClaims)
        let newToken = try new.token(header: "{\"alg\":\"ES256\",\"kid\":\"new\"}", goodClaims)
        let (before, between, after) = try await (verifier([oldKey]), verifier([oldKey, newKey]), verifier([newKey]))
        #expect(before.fault(oldToken) == nil && before.fault(newToken) == .unknownKey)
        #expect(between.fault(oldToken) == nil && between.fault(newToken) == nil)
        #expect(after.fault(oldToken) == .unknownKey && after.fault(newToken) == nil)

        let swapped = try old.token(header: "{\"alg\":\"ES256\",\"kid\":\"new\"}", goodClaims)
        #expect(between.fault(swapped) == .badSignature)
        #expect(between.fault(try old.token(goodClaims)) == nil, "without a name all are tried")
        #expect(between.fault(try new.token(goodClaims)) == nil, "without a name all are tried")
    }

    @Test("a key without a name is tried when no key has the token's; a secret has none")
    func unnamed() async throws {
        let key = try await TestKey.make(.edDSA)
        let other = try await TestKey.make(.edDSA)
        let token = try key.token(header: "{\"alg\":\"EdDSA\",\"kid\":\"x\"}", goodClaims)
        let keys = try await TokenKeys.jwks(Array(keySet([key.jwk(), other.jwk(",\"kid\":\"y\"")]).utf8))
        #expect(try TokenVerifier(keys: keys, rules: TokenRules()).fault(token) == nil)
        let secret = try await TestKey.make(.hs256)
        let verifier = try TokenVerifier(keys: await secret.keys(), rules: TokenRules())
        #expect(verifier.fault(try secret.token(header: "{\"alg\":\"HS256\",\"kid\":\"x\"}", goodClaims)) == nil)
    }

    @Test("at most 16 keys are tried")
    func mostTried() async throws {
        let key = try await TestKey.make(.edDSA)
        var others: [String] = []
        for _ in 0..<16 { others.append(try await TestKey.make(.edDSA).jwk()) }
        let token = try key.token(goodClaims)
        for (count, fault) in [(15, nil), (16, TokenFault.badSignature)] {
            let keys = try await TokenKeys.jwks(Array(keySet(others.prefix(count) + [key.jwk()]).utf8))
            #expect(try TokenVerifier(keys: keys, rules: TokenRules()).fault(token) == fault)
        }
    }

    @Test("accepted algorithms are those of the rules that the keys have; none is an error")
    func accepted() async throws {
        let key = try await TestKey.make(.rs256)
        let keys = try await key.keys()
        let token = try key.token(goodClaims)
        #expect(try TokenVerifier(keys: keys, rules: TokenRules(algorithms: [.rs256, .es256])).fault(token) == nil)
        let other = try TokenVerifier(keys: keys, rules: TokenRules(algorithms: [.rs512]))
        #expect(other.fault(token) == .unsupportedAlgorithm)
        let error = #expect(throws: TokenKeyProblem.self) {
            try TokenVerifier(keys: keys, rules: TokenRules(algorithms: [.hs256, .es256]))
        }
        #expect(
            error?.description == "has no key for any of the accepted algorithms; its keys are for "
                + "PS256, PS384, PS512, RS256, RS384, RS512")
    }
}
