import Testing
import UsherTestKit

/// Requests that show several credentials, and routes that ask for some.
@Suite("Precedence and requirements", .timeLimit(.minutes(2)))
struct PrecedenceTests {
    private static let secret = "a secret of more than thirty-two bytes"

    /// Everything that `identities` reads, and a replica behind TLS that says whom it sees.
    private struct Everybody {
        let key = CallerKey("by-key")
        let ann = CallerPassword.ann
        let token: String
        let identities = """
            { keys: { file: keys.yaml }, basic: { file: users.yaml }, jwt: { secret: { file: secret } } }
            """

        init(_ stage: Stage) async throws {
            try stage.write("keys.yaml", [self.key])
            try stage.write("users.yaml", self.ann.line)
            try stage.write("secret", PrecedenceTests.secret)
            self.token = try await TokenIssuer.hs256(PrecedenceTests.secret).field(TokenIssuer.claims("by-token"))
        }
    }

    @Test("of several valid credentials the certificate names the caller, then the token, the key, the password")
    func order() async throws {
        try await onStage { stage in
            let everybody = try await Everybody(stage)
            let folder = try CertificateFolder(stage)
            let gateway = try await stage.gateway(
                identities: everybody.identities,
                more: tlsListener(
                    try folder.server("a.test"),
                    keys: "client-ca: \(folder.authorityFile), client-certificate: request"))
            let shown = try folder.client("by-certificate")
            for (certificate, fields, name) in [
                (nil, everybody.ann.field, "ann"), (nil, everybody.ann.field + everybody.key.field, "by-key"),
                (nil, everybody.key.field + everybody.token, "by-token"), (nil, everybody.token, "by-token"),
                (shown, everybody.key.field + everybody.token, "CN=by-certificate"),
                (shown, everybody.ann.field, "CN=by-certificate"), (shown, "", "CN=by-certificate"),
            ] as [(CertificateFolder.Files?, String, String)] {
                let client = try await RawTLSClient.connect(
                    port: gateway.port, name: "a.test", try folder.client(showing: certificate)
                ).connection
                // Once while it is not known yet, once from memory.
                for _ in 1...2 {
                    try await client.send(Text.get("/", host: "a.test", fields))
                    let text = try await client.receiveAnswer().text
                    #expect(text.hasPrefix("Usher-Identity: \(name)\nUsher-Class: authenticated\n"), "\(name): \(text)")
                }
                await client.close()
            }
        }
    }

    @Test("one wrong credential is refused with 401, whatever good ones stand beside it")
    func oneIsWrong() async throws {
        try await onStage { stage in
            let everybody = try await Everybody(stage)
            let folder = try CertificateFolder(stage)
            let gateway = try await stage.gateway(
                identities: everybody.identities,
                more: tlsListener(
                    try folder.server("a.test"),
                    keys: "client-ca: \(folder.authorityFile), client-certificate: request"))
            let badKey = "X-API-Key: wrong\r\n"
            let badToken = TokenIssuer.field("a.b.c")
            let badPassword = CallerPassword.field("ann", "wrong")
            for certificate in [nil, try folder.client("by-certificate")] {
                let client = try await RawTLSClient.connect(
                    port: gateway.port, name: "a.test", try folder.client(showing: certificate)
                ).connection
                for fields in [
                    badKey + everybody.token, everybody.token + badKey, everybody.key.field + badToken,
                    everybody.ann.field + badKey, everybody.key.field + badPassword, badKey, badToken, badPassword,
                    everybody.token + everybody.ann.field, everybody.token + everybody.token,
                ] {
                    for _ in 1...2 {
                        try await client.send(Text.get("/", host: "a.test", fields))
                        let answer = try await client.receiveAnswer()
                        #expect(answer.status == 401, "\(fields): \(answer.text)")
                        let schemes = answer.values("WWW-Authenticate").compactMap { $0.split(separator: " ").first }
                        #expect(schemes == ["Bearer", "Basic", "ApiKey"])
                    }
                }
                await client.close()
            }
        }
    }

    @Test("a route that requires somebody answers 401 to nobody and 403 to another class, and never asks the service")
    func require() async throws {
        try await onStage { stage in
            let keys = ["authenticated", "gold", "silver"].map { CallerKey("a-\($0)", $0) }
            try stage.write("keys.yaml", keys)
            let routes = [
                "anonymous", "authenticated", "gold", "[gold, silver]", "[authenticated, gold]", "[anonymous, gold]",
            ].enumerated().map { "- { match: { path: /\($0) }, require: \($1), service: web }\n" }.joined()
            let gateway = try await stage.gateway(
                identities: "{ classes: [gold, silver], keys: { file: keys.yaml } }", routes: "\n" + routes)
            let callers = [""] + keys.map(\.field)
            for (route, expected) in [
                [200, 200, 200, 200], [401, 200, 200, 200], [401, 403, 200, 403], [401, 403, 200, 200],
                [401, 200, 200, 200], [200, 200, 200, 200],
            ].enumerated() {
                for (caller, status) in zip(callers, expected) {
                    let answer = try await gateway.ask(Text.get("/\(route)", caller))
                    #expect(answer.status == status, "route \(route), \(caller)")
                    #expect(answer.values("WWW-Authenticate").isEmpty == (status != 401))
                    #expect(answer.text.contains("Usher-Class") == (status == 200))
                }
            }
        }
    }

    @Test("a refused request leaves its connection to the next one, whether it was refused at once or later")
    func connectionGoesOn() async throws {
        try await onStage { stage in
            let everybody = try await Everybody(stage)
            let gateway = try await stage.gateway(
                identities: everybody.identities,
                routes: """

                    - { match: { path: /in }, require: authenticated, service: web }
                    - { service: web }
                    """)
            let client = try await stage.client(gateway)
            let body = "Content-Length: 4\r\n\r\nbody"
            for number in 1...3 {
                for (target, fields, status) in [
                    ("/in", "", 401), ("/", "X-API-Key: no\r\n", 401), ("/in", everybody.key.field, 200),
                    ("/", TokenIssuer.field("a.b.\(number)"), 401), ("/", everybody.token, 200),
                ] {
                    try await client.send("POST \(target) HTTP/1.1\r\nHost: a.example\r\n\(fields)\(body)")
                    let answer = try await client.receiveAnswer()
                    #expect(answer.status == status, "\(target) \(fields)")
                    #expect(answer.text.hasSuffix("\n\nbody") == (status == 200))
                }
            }
        }
    }
}
