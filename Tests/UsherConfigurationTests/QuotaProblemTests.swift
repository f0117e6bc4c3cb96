import Testing
import UsherCore

@testable import UsherConfiguration

@Suite("Problems of identities, quotas and limits", .timeLimit(.minutes(1)))
struct QuotaProblemTests {
    private static let web = "routes: [{ respond: {} }]"

    private static func problems(_ text: String) -> [String] {
        do throws(ConfigurationProblems) {
            _ = try ConfigurationReader.read(text: text + "\n" + self.web, file: "u.yaml", environment: [:])
            return []
        } catch {
            return error.problems.map { "\($0.keyPath): \($0.message)" }
        }
    }

    @Test(
        "quotas that cannot be meant are refused",
        arguments: [
            ("a: {}", ["quotas.a: limits nothing; say for a class how much, such as anonymous: 60/min"]),
            ("a: { anonymous: 60 }", ["quotas.a.anonymous: needs a unit: 100/s, 60/min, 1000/h, 1/d"]),
            (
                "a: { anonymous: 0/s }",
                ["quotas.a.anonymous: 0/s lets nobody in; the least is 1/d"]
            ),
            ("a: { anonymous: 2000000/s }", ["quotas.a.anonymous: 2000000/s is out of range: at most 1000000/s"]),
            (
                "a: { anonymous: [1/s, 2/s, 3/s, 4/s, 5/s] }", ["quotas.a.anonymous: has more than 4 windows"]
            ),
            ("a: { anonymous: [1/s, 1/s] }", ["quotas.a.anonymous: has a window twice"]),
            ("a: { anonymous: { burst: 5 } }", ["quotas.a.anonymous: needs the key 'rate'"]),
            (
                "a: { anonymous: { rate: 1/d, burst: 1000 } }",
                ["quotas.a.anonymous: a burst of 1000 at 1/d takes longer than 400 days to come back"]
            ),
            ("a: { goldd: 5/s }", ["quotas.a.goldd: there is no class 'goldd' (did you mean 'gold'?)"]),
            (
                "a: { dry-runn: 1/s }", ["quotas.a.dry-runn: there is no class 'dry-runn' (did you mean 'dry-run'?)"]
            ),
            (
                "a: { gold: 1/s, in-flight: { silver: 3 } }",
                ["quotas.a.in-flight.silver: there is no class 'silver'"]
            ),
            ("a: { gold: 1/s, cost: -1 }", ["quotas.a.cost: '-1' is not a whole number from 0 to 1000000"]),
            ("a: { gold: 1/s, cost: 01 }", ["quotas.a.cost: '01' is not a whole number from 0 to 1000000"]),
            (
                "a: { gold: 1/s, store: { redis: \"h:1\", unix: s } }",
                ["quotas.a.store: has both 'redis' and 'unix'; a store is reached in one way"]
            ),
            (
                "a: { gold: 1/s, store: { redis: \"unix:/s\" } }",
                ["quotas.a.store.redis: is a socket's path; write it as unix: PATH"]
            ),
            (
                "a: { gold: 1/s, on-failure: open }",
                ["quotas.a.on-failure: unknown word 'open'; it is one of allow, refuse, local"]
            ),
            (
                "\"a b\": { gold: 1/s }",
                ["quotas.a b: 'a b' cannot be a name: letters, digits, '-' and '_', at most 63"]
            ),
        ])
    func quotas(text: String, expected: [String]) {
        let text = "identities: { classes: [gold] }\nquotas: { \(text) }"
        #expect(Self.problems(text) == expected)
    }

    @Test(
        "identities that cannot be meant are refused",
        arguments: [
            ("classes: [anonymous]", ["identities.classes: 'anonymous' is always there; name only others"]),
            ("classes: [cost]", ["identities.classes: 'cost' has a meaning of its own in quotas; choose another name"]),
            ("classes: [a, a]", ["identities.classes: 'a' stands twice"]),
            (
                "jwt: { jwks: a, secret: { file: b } }",
                [
                    "identities.jwt: has both 'jwks' and 'secret'; public keys and a secret never stand beside each "
                        + "other"
                ]
            ),
            (
                "jwt: { jwks: a, algorithms: [HS256] }",
                ["identities.jwt.algorithms: HS256 cannot be verified with public keys; take it away"]
            ),
            (
                "jwt: { secret: { file: b }, algorithms: [RS256] }",
                ["identities.jwt.algorithms: RS256 cannot be verified with a secret; take it away"]
            ),
            (
                "jwt: { jwks: a, algorithms: [none] }",
                [
                    "identities.jwt.algorithms[0]: unknown word 'none'; it is one of HS256, HS384, HS512, RS256, "
                        + "RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"
                ]
            ),
            (
                "jwt: { jwks: \"http://id.example.com/k\" }",
                [
                    "identities.jwt.jwks: 'http://id.example.com/k' is not https; whoever sits between could hand out "
                        + "keys"
                ]
            ),
            (
                "jwt: { jwks: \"ftp://a/k\" }",
                [
                    "identities.jwt.jwks: 'ftp://a/k' is not a URL that could be fetched, such as "
                        + "https://id.example.com/jwks.json"
                ]
            ),
            (
                "jwt: { jwks: a, class: \"{header.x-plan}\" }",
                ["identities.jwt.class: can only be made of claims, such as {claim.plan}"]
            ),
            ("keys: { header: \"X Key\", file: k }", ["identities.keys.header: 'X Key' cannot be a field's name"]),
            ("keys: {}", ["identities.keys: needs the key 'file'"]),
        ])
    func identities(text: String, expected: [String]) {
        #expect(Self.problems("identities: { \(text) }") == expected)
    }

    @Test(
        "routes name what there is",
        arguments: [
            ("require: glod", ["routes[0].require: there is no class 'glod' (did you mean 'gold'?)"]),
            ("require: [gold, silver]", ["routes[0].require[1]: there is no class 'silver'"]),
            ("require: []", ["routes[0].require: must not be empty"]),
            ("quota: pubic", ["routes[0].quota: there is no quota 'pubic' (did you mean 'public'?)"]),
            ("quota: { name: pubic }", ["routes[0].quota.name: there is no quota 'pubic' (did you mean 'public'?)"]),
            ("quota: { cost: 2 }", ["routes[0].quota: needs the key 'name'"]),
        ])
    func routes(text: String, expected: [String]) throws {
        let text = """
            identities: { classes: [gold], keys: { file: k } }
            quotas: { public: { anonymous: 1/s } }
            routes: [{ respond: {}, \(text) }]
            """
        let error = #expect(throws: ConfigurationProblems.self) {
            try ConfigurationReader.read(text: text, file: "u.yaml", environment: [:])
        }
        #expect(error?.problems.map { "\($0.keyPath): \($0.message)" } == expected)
    }

    @Test("a route that wants somebody whom nobody can be is refused")
    func nobodyCan() throws {
        let error = #expect(throws: ConfigurationProblems.self) {
            try ConfigurationReader.read(
                text: "routes: [{ respond: {}, require: authenticated }]", file: "u.yaml", environment: [:])
        }
        #expect(
            error?.problems.map(\.message) == [
                "nobody could use this route: `identities` reads no credentials, and no listener asks for certificates"
            ])
    }

    @Test(
        "a URL is taken apart",
        arguments: [
            ("https://id.example.com/jwks.json", "id.example.com:443", "/jwks.json"),
            ("https://id.example.com:8443?a=b", "id.example.com:8443", "/?a=b"),
            ("http://127.0.0.1:81/x", "127.0.0.1:81", "/x"), ("https://[::1]/k", "[::1]:443", "/k"),
        ])
    func urls(text: String, address: String, target: String) throws {
        let url = try #require(WebAddress(text))
        #expect("\(url.address)" == address)
        #expect(url.target == target)
    }

    @Test("limits of defence read", arguments: ["new-connections-per-client: 10/s", "memory: 64MiB", "allow: a.txt"])
    func limits(text: String) {
        #expect(Self.problems("limits: { \(text) }") == [])
    }

    @Test(
        "limits that cannot be meant are refused",
        arguments: [
            (
                "new-connections-per-client: 0/s",
                ["limits.new-connections-per-client: 0/s lets nobody in; the least is 1/d"]
            ),
            ("memory: 1MiB", ["limits.memory: 1MiB is out of range: 16MiB to 1024TiB"]),
        ])
    func wrongLimits(text: String, expected: [String]) {
        #expect(Self.problems("limits: { \(text) }") == expected)
    }
}
