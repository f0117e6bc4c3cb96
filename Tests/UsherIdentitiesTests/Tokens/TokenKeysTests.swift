import Testing
import UsherCore

@testable import UsherIdentities

@Suite(.timeLimit(.minutes(1))) struct TokenKeysTests {
    private func problem(_ text: String) async -> String? {
        do throws(TokenKeyProblem) {
            _ = try await TokenKeys.jwks(Array(text.utf8))
            return nil
        } catch {
            return error.description
        }
    }

    private func jwks(_ keys: String...) async throws -> TokenKeys {
        try await TokenKeys.jwks(Array(keySet(keys).utf8))
    }

    @Test(
        "what is no key set is refused, and why is said",
        arguments: [
            ("", "is not JSON: there is no value (at byte 0)"), ("{", "is not JSON: a name is missing (at byte 1)"),
            ("[]", "is not a JWK Set: an object with an array `keys`"),
            ("{}", "is not a JWK Set: an object with an array `keys`"),
            ("{\"keys\":{}}", "is not a JWK Set: an object with an array `keys`"),
            ("{\"keys\":[]}", "has no usable key"),
            ("{\"keys\":[],\"keys\":[]}", "is not JSON: a name stands twice in one object (at byte 17)"),
            ("{\"keys\":[1]}", "has no usable key: key 1 is not used: it is not an object"),
        ])
    func noSet(text: String, message: String) async {
        #expect(await problem(text) == message)
    }

    @Test("keys of other kinds and uses are skipped, each with a reason, and the rest is used")
    func skipped() async throws {
        let good = try await TestKey.make(.es256).jwk(",\"kid\":\"good\",\"use\":\"sig\",\"key_ops\":[\"verify\"]")
        let ec = "\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
        let x = "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
        let bad = [
            ("{\"kty\":\"AKP\",\"kid\":\"pq\\n\"}", "key 2 'pq?' is not used: its type 'AKP' is not RSA, EC or OKP"),
            ("{}", "key 3 is not used: it has no kty"),
            (
                "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
                "key 4 is not used: it is a secret, which does not belong into a key set"
            ),
            ("{\(ec),\(x),\"use\":\"enc\"}", "key 5 is not used: its use is 'enc', not sig"),
            ("{\(ec),\(x),\"key_ops\":[\"sign\"]}", "key 6 is not used: its key_ops do not have verify"),
            (
                "{\(ec),\(x),\"alg\":\"ES384\"}",
                "key 7 is not used: its alg 'ES384' is not one that such a key verifies here"
            ),
            (
                "{\(ec),\(x),\"alg\":\"ECDH-ES\"}",
                "key 8 is not used: its alg 'ECDH-ES' is not one that such a key verifies here"
            ),
            ("{\(ec),\(x),\"kid\":7}", "key 9 is not used: its kid is not a string"),
            ("{\(ec)}", "key 10 is not used: it has no x"),
            ("{\(ec),\"x\":\"f83O/3D2\"}", "key 11 is not used: its x is not base64url without padding"),
            (
                "{\(ec),\"x\":\"AAAA\"}",
                "key 12 is not used: its coordinates are not 32 bytes long each, as P-256 needs them"
            ),
            (
                "{\(ec),\"x\":\"\(String(repeating: "A", count: 43))\"}",
                "key 13 is not used: its numbers are no key: a point off the curve, or a wrong exponent"
            ),
            (
                "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\(x)}",
                "key 14 is not used: its curve 'secp256k1' is not P-256, P-384 or P-521"
            ),
            ("{\"kty\":\"OKP\",\"crv\":\"X25519\",\(x)}", "key 15 is not used: its curve 'X25519' is not Ed25519"),
            ("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", "key 16 is not used: its x is not 32 bytes long"),
        ]
        let keys = try await TokenKeys.jwks(Array(keySet([good] + bad.map(\.0)).utf8))
        #expect(keys.skipped == bad.map(\.1))
        #expect(keys.count == 1 && keys.algorithms == [.es256])
    }

    @Test("an RSA key has 2,048 to 8,192 bits, leading zeros not counted (RFC 7518 §3.3)")
    func rsaBits() async {
        func modulus(_ bytes: [UInt8]) -> String {
            keySet(["{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"\(Base64.encodeURL(bytes))\"}"])
        }
        let few = [UInt8](repeating: 0xFF, count: 128)
        let prefix = "has no usable key: key 1 is not used: it has"
        #expect(await problem(modulus(few)) == "\(prefix) 1024 bits, and an RSA key needs 2048")
        let zeros = [UInt8](repeating: 0, count: 128)
        #expect(await problem(modulus(zeros + few)) == "\(prefix) 1024 bits, and an RSA key needs 2048")
        #expect(await problem(modulus(zeros)) == "\(prefix) 0 bits, and an RSA key needs 2048")
        let almost = [0x7F] + [UInt8](repeating: 0xFF, count: 255)
        #expect(await problem(modulus(almost)) == "\(prefix) 2047 bits, and an RSA key needs 2048")
        let many = [UInt8](repeating: 0xFF, count: 1025)
        #expect(await problem(modulus(many)) == "\(prefix) 8200 bits, and no RSA key of more than 8192 is used")
    }

    @Test("an RSA exponent must be one", arguments: ["AA", "AQ", "Ag", "______8"])
    func rsaExponent(exponent: String) async throws {
        let members = try await TestKey.make(.rs256).members.replacing("AQAB", with: exponent)
        let reason = "its numbers are no key: a point off the curve, or a wrong exponent"
        #expect(await problem(keySet(["{\(members)}"])) == "has no usable key: key 1 is not used: \(reason)")
    }

    @Test("of a private key its public part is used")
    func privateKey() async throws {
        // RFC 7515 §A.3, with a private number that belongs to no key at all.
        let keys = try await jwks(
            """
            {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
             "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"AAAA"}
            """, try await TestKey.make(.rs256).jwk(",\"d\":\"AAAA\",\"p\":\"AA\",\"q\":\"AA\""))
        #expect(keys.count == 2 && keys.skipped.isEmpty)
    }

    @Test("a key set has at most 256 keys and 1 MiB")
    func bounds() async throws {
        let key = try await TestKey.make(.edDSA).jwk()
        #expect(await problem(keySet([String](repeating: key, count: 256))) == nil)
        #expect(await problem(keySet([String](repeating: key, count: 257))) == "has 257 keys; at most 256 are read")
        #expect(await problem(String(repeating: " ", count: 1 << 20 + 1)) == "is larger than 1 MiB")
        let deep = String(repeating: "[", count: 1 << 20)
        #expect(await problem(deep) == "is not JSON: it is nested too deeply (at byte 32)")
    }

    @Test(
        "a secret has the length of the hash or more (RFC 7518 §3.2)",
        arguments: [(32, 1), (47, 1), (48, 2), (63, 2), (64, 3), (1000, 3)])
    func secrets(count: Int, algorithmCount: Int) async throws {
        let algorithms = Set<TokenAlgorithm>([.hs256, .hs384, .hs512].prefix(algorithmCount))
        let keys = try await TokenKeys.secret([UInt8](repeating: 7, count: count))
        #expect(keys.algorithms == algorithms && keys.count == 1)
        // Who signs with HS512 and so short a secret is told of the algorithm.
        let key = try await TestKey.make(.hs512)
        let fault = try TokenVerifier(keys: keys, rules: TokenRules()).fault(try key.token(goodClaims))
        #expect(fault == (algorithms.contains(.hs512) ? .badSignature : .unsupportedAlgorithm))
    }

    @Test("a short secret is refused", arguments: [0, 1, 31])
    func shortSecret(count: Int) async {
        await #expect(throws: TokenKeyProblem.self) {
            try await TokenKeys.secret([UInt8](repeating: 7, count: count))
        }
    }
}
