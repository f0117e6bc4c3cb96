import Testing
import UsherCore

@testable import UsherIdentities

/// Tokens that somebody made to get in.
@Suite(.timeLimit(.minutes(1))) struct TokenFaultTests {
    @Test(
        "a token cut off anywhere is refused, whatever its algorithm",
        arguments: [TokenAlgorithm.hs256, .rs256, .es256, .edDSA])
    func truncated(algorithm: TokenAlgorithm) async throws {
        let key = try await TestKey.make(algorithm)
        let verifier = try TokenVerifier(keys: await key.keys(), rules: TokenRules())
        let token = try key.token(goodClaims)
        #expect(verifier.fault(token) == nil)
        for count in 0..<token.count {
            #expect(verifier.fault(Array(token[..<count])) != nil)
            #expect(verifier.fault(Array(token[(count + 1)...])) != nil)
        }
    }

    @Test("a token with any byte changed is refused", arguments: [TokenAlgorithm.hs256, .rs256, .es256, .edDSA])
    func flipped(algorithm: TokenAlgorithm) async throws {
        let key = try await TestKey.make(algorithm)
        let verifier = try TokenVerifier(keys: await key.keys(), rules: TokenRules())
        let token = try key.token(goodClaims)
        let seed: UInt64 = 20_261_130
        var random = SeededRandom(seed: seed)
        for round in 0..<1000 {
            var other = token
            for _ in 0...random.below(2) { other[random.below(other.count)] ^= UInt8(1 << random.below(8)) }
            if other != token { #expect(verifier.fault(other) != nil, "seed \(seed), round \(round)") }
        }
    }

    @Test(
        "an unsigned token is refused, however `none` is written (RFC 8725 §2.1)",
        arguments: ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS-256", "ES256K", "RS1", "dir"])
    func unsigned(name: String) async throws {
        for algorithm in [TokenAlgorithm.hs256, .es256] {
            let key = try await TestKey.make(algorithm)
            let verifier = try TokenVerifier(keys: await key.keys(), rules: TokenRules())
            let header = "{\"alg\":\"\(name)\"}"
            #expect(verifier.fault(try key.token(header: header, goodClaims)) == .unsupportedAlgorithm)
            let parts = [header, goodClaims].map { Base64.encodeURL($0.utf8) }.joined(separator: ".")
            for end in ["", ".", ".AA"] { #expect(verifier.fault(Array((parts + end).utf8)) != nil) }
        }
    }

    @Test("a public key is no secret, in none of its forms (RFC 8725 §2.1)")
    func confusion() async throws {
        let key = try await TestKey.make(.rs256)
        let verifier = try TokenVerifier(keys: await key.keys(), rules: TokenRules())
        let modulus = try #require(key.members.split(separator: "\"n\":\"").last?.prefix { $0 != "\"" })
        let forms = [
            Array(key.jwk().utf8), Array(keySet([key.jwk()]).utf8), Array(modulus.utf8),
            try #require(Base64.decodeURL(modulus.utf8)),
        ]
        for form in forms {
            let token = try await TestKey.signed(secret: form, goodClaims)
            #expect(try TokenVerifier(keys: await .secret(form), rules: TokenRules()).fault(token) == nil)
            #expect(verifier.fault(token) == .unsupportedAlgorithm)
            let forced = TokenRules(algorithms: [.hs256, .rs256])
            #expect(try TokenVerifier(keys: await key.keys(), rules: forced).fault(token) == .unsupportedAlgorithm)
        }
        // And a secret verifies nothing that a private key signed.
        let secret = try await TestKey.make(.hs256)
        let symmetric = try TokenVerifier(keys: await secret.keys(), rules: TokenRules())
        #expect(symmetric.fault(try key.token(goodClaims)) == .unsupportedAlgorithm)
    }

    @Test("the algorithm is the one of the key's curve and of its own `alg`")
    func wrongAlgorithm() async throws {
        let p256 = try await TestKey.make(.es256)
        let p384 = try await TestKey.make(.es384)
        let keys = try await TokenKeys.jwks(
            Array(keySet([p256.jwk(",\"kid\":\"a\""), p384.jwk(",\"kid\":\"b\"")]).utf8))
        let verifier = try TokenVerifier(keys: keys, rules: TokenRules())
        func token(_ key: TestKey, _ name: String, _ kid: String) throws -> [UInt8] {
            try key.token(header: "{\"alg\":\"\(name)\",\"kid\":\"\(kid)\"}", goodClaims)
        }
        #expect(verifier.fault(try token(p256, "ES256", "a")) == nil)
        #expect(verifier.fault(try token(p256, "ES384", "a")) == .unknownKey)
        #expect(verifier.fault(try token(p256, "ES384", "b")) == .badSignature)
        #expect(verifier.fault(try token(p256, "ES512", "a")) == .unsupportedAlgorithm)
        let rsa = try await TestKey.make(.rs256)
        let only = try TokenVerifier(keys: await rsa.keys(",\"alg\":\"PS256\""), rules: TokenRules())
        #expect(only.fault(try rsa.token(goodClaims)) == .unsupportedAlgorithm)
        #expect(only.fault(try await TestKey.make(.ps256).token(goodClaims)) == nil)
    }

    @Test(
        "headers that ask for more, or are none, are refused",
        arguments: [
            ("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", TokenFault.criticalExtension),
            ("{\"alg\":\"HS256\",\"crit\":[]}", .criticalExtension),
            ("{\"alg\":\"HS256\",\"crit\":null}", .criticalExtension),
            ("{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", .criticalExtension),
            ("{\"alg\":\"HS256\",\"b64\":false}", .criticalExtension),
            ("{\"alg\":\"none\",\"alg\":\"HS256\"}", .malformed), ("{\"alg\":\"HS256\",\"alg\":\"none\"}", .malformed),
            ("{\"alg\":\"HS256\",\"kid\":1}", .malformed), ("{\"alg\":\"HS256\",\"kid\":null}", .malformed),
            ("{\"alg\":[\"HS256\"]}", .malformed), ("{\"alg\":256}", .malformed), ("{\"alg\":null}", .malformed),
            ("{}", .malformed), ("[]", .malformed), ("\"HS256\"", .malformed), ("{\"alg\":\"HS256\"", .malformed),
            ("{\"alg\":\"HS256\"} x", .malformed), ("{\"Alg\":\"HS256\"}", .malformed),
        ])
    func headers(header: String, fault: TokenFault) async throws {
        let key = try await TestKey.make(.hs256)
        let verifier = try TokenVerifier(keys: await key.keys(), rules: TokenRules())
        #expect(verifier.fault(try key.token(header: header, goodClaims)) == fault)
    }

    @Test("members that promise a key are not followed")
    func embeddedKey() async throws {
        let key = try await TestKey.make(.es256)
        let other = try await TestKey.make(.es256)
        let verifier = try TokenVerifier(keys: await key.keys(), rules: TokenRules())
        let header = "{\"alg\":\"ES256\",\"jwk\":\(other.jwk()),\"jku\":\"http://x/\",\"x5c\":[\"AA\"],\"typ\":\"JWT\"}"
        #expect(verifier.fault(try other.token(header: header, goodClaims)) == .badSignature)
        #expect(verifier.fault(try key.token(header: header, goodClaims)) == nil)
    }

    @Test("bytes that are no token are refused")
    func noTokens() async throws {
        let key = try await TestKey.make(.hs256)
        let verifier = try TokenVerifier(keys: await key.keys(), rules: TokenRules())
        let token = String(decoding: try key.token(goodClaims), as: UTF8.self)
        for text in [
            "", ".", "..", "...", "a", "a.b", "a.b.c", " \(token)", "\(token) ", "\(token)\n", "\(token)=", "\(token).",
            ".\(token)", "\(token).AA", token.replacing(".", with: ".."), token.replacing(".", with: ". "),
            token.replacing(".", with: "\u{3002}"), token.replacing("e", with: "é", maxReplacements: 1),
        ] {
            #expect(verifier.fault(Array(text.utf8)) == .malformed, "\(text)")
        }
        #expect(verifier.fault([0xFF, 0x2E, 0xFF, 0x2E, 0xFF]) == .malformed)
        let notUTF8 = try key.token(header: Array("{\"alg\":\"HS256\"}".utf8), claims: [0x7B, 0x22, 0xFF, 0x22, 0x7D])
        #expect(verifier.fault(notUTF8) == .malformed)
        let header = try key.token(header: [0xFF], claims: Array(goodClaims.utf8))
        #expect(verifier.fault(header) == .malformed)
    }

    @Test(
        "signed claims that are no claims are malformed",
        arguments: [
            "[]", "null", "\"a\"", "1", "{", "{\"sub\":\"a\",\"sub\":\"b\",\"exp\":\(now)}", "{\"exp\":\(now),}",
        ])
    func noClaims(text: String) async throws {
        let key = try await TestKey.make(.hs256)
        let verifier = try TokenVerifier(keys: await key.keys(), rules: TokenRules())
        #expect(verifier.fault(try key.token(text)) == .malformed)
    }

    @Test("8 KiB are read and no more, and deep nesting ends before the stack does")
    func sizes() async throws {
        let key = try await TestKey.make(.hs256)
        let verifier = try TokenVerifier(keys: await key.keys(), rules: TokenRules())
        func token(padding: Int) throws -> [UInt8] {
            let text = String(repeating: "a", count: padding)
            return try key.token("{\"sub\":\"ann\",\"exp\":\(now),\"x\":\"\(text)\"}")
        }
        let padding = try #require((0..<8192).first { try token(padding: $0).count > 8192 })
        #expect(verifier.fault(try token(padding: padding - 1)) == nil)
        #expect(verifier.fault(try token(padding: padding)) == .tooLong)
        #expect(verifier.fault([UInt8](repeating: 0x61, count: 1 << 20)) == .tooLong)
        for opening in ["[", "{\"a\":"] {
            let deep = String(repeating: opening, count: 6000 / opening.utf8.count)
            #expect(verifier.fault(try key.token("{\"sub\":\"ann\",\"exp\":\(now),\"x\":\(deep)")) == .malformed)
            #expect(verifier.fault(try key.token(header: deep, "{}")) == .malformed)
        }
    }

    @Test("each fault has a sentence that can stand in a quoted string (RFC 6750 §3)", arguments: TokenFault.allCases)
    func sentences(fault: TokenFault) {
        let sentence = "\(fault.sentence)"
        #expect(sentence.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C })
        #expect(TokenFault.allCases.count { "\($0.sentence)" == sentence } == 1)
    }
}
