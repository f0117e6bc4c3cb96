import Testing
import UsherCore

@testable import UsherIdentities

@Suite(.timeLimit(.minutes(1))) struct TokenClaimsTests {
    private let verifier: TokenVerifier
    private let key: TestKey

    init() async throws {
        key = try await TestKey.make(.hs256)
        let rules = TokenRules(issuer: "https://id.example.com", audience: "api")
        verifier = try TokenVerifier(keys: await key.keys(), rules: rules)
    }

    /// With what the rules ask for in front.
    private func verify(_ claims: String, at moment: Int64 = now) throws -> Result<VerifiedToken, TokenFault> {
        let required = "\"iss\":\"https://id.example.com\",\"aud\":\"api\",\"sub\":\"ann\",\"exp\":\(now + 100)"
        return verifier.verify(try key.token("{\(required)\(claims)}"), unixSeconds: moment)
    }

    private func fault(_ claims: String, at moment: Int64 = now) throws -> TokenFault? {
        verifier.fault(try key.token(claims), at: moment)
    }

    private func claims(_ exp: String, _ more: String = "") -> String {
        "{\"iss\":\"https://id.example.com\",\"aud\":\"api\",\"sub\":\"ann\",\"exp\":\(exp)\(more)}"
    }

    @Test("a token ends at its expiry and the leeway, not a second later (RFC 7519 §4.1.4)")
    func expiry() throws {
        let end = now + 100 + 60
        #expect(try fault(claims("\(now + 100)"), at: end - 1) == nil)
        #expect(try fault(claims("\(now + 100)"), at: end) == .expired)
        #expect(try fault(claims("\(now + 100).999"), at: end - 1) == nil)
        #expect(try fault(claims("1.8e9"), at: 1_800_000_059) == nil)
        #expect(try fault(claims("1.8e9"), at: 1_800_000_060) == .expired)
        #expect(try verify(",\"x\":0").get().expiresAt == now + 100)
        #expect(try fault(claims("\(now)"), at: .max) == .expired)
        #expect(try fault(claims("\(now)"), at: .min) == nil)
    }

    @Test("what begins or was issued later than now is refused, with leeway")
    func beginnings() throws {
        #expect(try fault(claims("\(now + 100)", ",\"nbf\":\(now + 60)")) == nil)
        #expect(try fault(claims("\(now + 100)", ",\"nbf\":\(now + 61)")) == .notYetValid)
        #expect(try fault(claims("\(now + 100)", ",\"iat\":\(now + 60)")) == nil)
        #expect(try fault(claims("\(now + 100)", ",\"iat\":\(now + 61)")) == .fromTheFuture)
        #expect(try fault(claims("\(now + 100)", ",\"iat\":0,\"nbf\":-1.5")) == nil)
    }

    @Test(
        "times that are no times make a token malformed or expired",
        arguments: [
            ("1e400", TokenFault.malformed), ("-1e400", .malformed), ("1e18", .malformed),
            ("1800000100000", .malformed),
            ("9223372036854775807", .malformed), ("9223372036854775808", .malformed), ("253402300800", .malformed),
            ("-1", .expired), ("0", .expired), ("-0", .expired), ("1e-400", .expired), ("-253402300799", .expired),
            ("\"1800000100\"", .malformed), ("true", .malformed), ("null", .malformed), ("[1800000100]", .malformed),
            ("{}", .malformed), ("NaN", .malformed), ("Infinity", .malformed), ("0x7FFFFFFF", .malformed),
        ])
    func times(text: String, fault: TokenFault) throws {
        #expect(try self.fault(claims(text)) == fault)
        let start = try self.fault(claims("\(now + 100)", ",\"nbf\":\(text)"))
        #expect(start == (fault == .malformed ? .malformed : nil))
        let issued = try self.fault(claims("\(now + 100)", ",\"iat\":\(text)"))
        #expect(issued == (fault == .malformed ? .malformed : nil))
    }

    @Test("digits without end are a number all the same")
    func longNumber() throws {
        #expect(try fault(claims(String(repeating: "9", count: 5000))) == .malformed)
        #expect(try fault(claims("\(now + 100)." + String(repeating: "9", count: 5000))) == nil)
    }

    @Test("what a rule or the standard asks for must be there, and nothing like it")
    func required() throws {
        let (iss, aud) = ("\"iss\":\"https://id.example.com\"", "\"aud\":\"api\"")
        let (sub, exp) = ("\"sub\":\"ann\"", "\"exp\":\(now)")
        func fault(_ members: String...) throws -> TokenFault? {
            try self.fault("{\(members.joined(separator: ","))}")
        }
        #expect(try fault(iss, aud, sub, exp) == nil)
        #expect(try fault(iss, aud, sub) == .noExpiry)
        let issuers = [
            "\"iss\":\"https://id.example.com/\"", "\"iss\":1", "\"iss\":[\"https://id.example.com\"]", "\"x\":1",
        ]
        for bad in issuers {
            #expect(try fault(bad, aud, sub, exp) == .wrongIssuer)
        }
        for bad in ["\"aud\":\"API\"", "\"aud\":\"\"", "\"aud\":[]", "\"aud\":[\"a\",\"pi\"]", "\"x\":1"] {
            #expect(try fault(iss, bad, sub, exp) == .wrongAudience)
        }
        for bad in ["\"aud\":1", "\"aud\":{\"api\":1}", "\"aud\":[\"api\",1]", "\"aud\":null"] {
            #expect(try fault(iss, bad, sub, exp) == .malformed)
        }
        #expect(try fault(iss, "\"aud\":[\"web\",\"api\"]", sub, exp) == nil)
        let long = String(repeating: "a", count: 256)
        for bad in ["\"sub\":\"\"", "\"sub\":1", "\"sub\":null", "\"sub\":\"a\(long)\"", "\"x\":1"] {
            #expect(try fault(iss, aud, bad, exp) == .noSubject)
        }
        #expect(try fault(iss, aud, "\"sub\":\"\(long)\"", exp) == nil)
    }

    @Test("letters that only look the same are another issuer")
    func unicode() async throws {
        let keys = try await key.keys()
        let verifier = try TokenVerifier(keys: keys, rules: TokenRules(issuer: "caf\u{E9}", audience: "K"))
        func token(_ iss: String, _ aud: String) throws -> [UInt8] {
            try key.token("{\"iss\":\"\(iss)\",\"aud\":\"\(aud)\",\"sub\":\"ann\",\"exp\":\(now)}")
        }
        #expect(verifier.fault(try token("caf\u{E9}", "K")) == nil)
        #expect(verifier.fault(try token("cafe\u{301}", "K")) == .wrongIssuer)
        #expect(verifier.fault(try token("caf\u{E9}", "\u{212A}")) == .wrongAudience)
    }

    @Test(
        "a subject is printable, and no two become one",
        arguments: [
            ("ann@example.com", "ann@example.com"), ("auth0|5f7c", "auth0|5f7c"), ("50%", "50%25"), ("%20", "%2520"),
            ("a b", "a b"), (" a", "%20a"), ("a ", "a%20"), (" ", "%20"), ("a\\r\\nX: y", "a%0D%0AX: y"),
            ("\\u0000\\u007f", "%00%7F"), ("é", "%C3%A9"), ("日", "%E6%97%A5"),
        ])
    func subjects(text: String, subject: String) throws {
        let token = try key.token(claims("\(now)").replacing("\"ann\"", with: "\"\(text)\""))
        #expect(try verifier.verify(token, unixSeconds: now).get().subject == subject)
    }

    @Test("claims are text, nested ones with dots")
    func flattened() throws {
        let claims = try verify(
            """
            ,"plan":"gold","admin":true,"off":false,"n":1.0,"big":123456789012345678901234567890,"f":1.50,"e":1e2,
            "z":-0,"roles":["a","b",3,true],"one":["a,b"],"realm":{"plan":"x","deep":{"er":1}},"unicode":"é","empty":""
            """
        ).get().claims
        let expected = [
            "plan": "gold", "admin": "true", "off": "false", "n": "1", "big": "123456789012345678901234567890",
            "f": "1.5", "e": "100", "z": "0", "roles": "a,b,3,true", "one": "a,b", "realm.plan": "x",
            "realm.deep.er": "1", "unicode": "é", "empty": "", "iss": "https://id.example.com", "aud": "api",
            "sub": "ann", "exp": "\(now + 100)",
        ]
        #expect(claims == expected)
    }

    @Test("what could stand for two things is left out")
    func ambiguous() throws {
        let claims = try verify(
            """
            ,"null":null,"none":[],"nested":[["a"]],"objects":[{"a":1}],"holes":["a",null],"commas":["a,b","c"],
            "a.b":1,"a":{"b":2,"c":3},"x":{"y.z":1,"y":{"z":2}},"huge":1e400,"o":{}
            """
        ).get().claims
        #expect(Set(claims.keys) == ["iss", "aud", "sub", "exp", "a.c"])
    }

    @Test("claims have bounds: 64 of them, 1 KiB a value, 256 bytes a name")
    func bounds() throws {
        let many = (0..<100).map { ",\"n\($0)\":1" }.joined()
        let claims = try verify(many).get().claims
        #expect(claims.count == 64 && claims["n59"] == "1" && claims["n60"] == nil)
        let (value, name) = (String(repeating: "v", count: 1024), String(repeating: "n", count: 256))
        let long = try verify(",\"a\":\"\(value)\",\"b\":\"\(value)v\",\"\(name)\":1,\"n\(name)\":2").get().claims
        #expect(long["a"] == value && long["b"] == nil && long[name] == "1" && long["n\(name)"] == nil)
    }
}
