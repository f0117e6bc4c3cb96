import Foundation
import Testing
import UsherTestKit

/// Who asks, as templates have it.
@Suite("Callers in templates", .timeLimit(.minutes(2)))
struct CallerTemplateTests {
    private static let secret = "a secret of more than thirty-two bytes"

    @Test("identity, class and claims stand in fields of requests and answers and in redirections")
    func fields() async throws {
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key])
            try stage.write("secret", Self.secret)
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    try await peer.send(Text.answer(request.value("X-Who") ?? "none"))
                }
            }
            let who = "\"{identity|class}/{class}/{claim.realm.plan}/{claim.n}\""
            let gateway = try await stage.gateway(
                """
                identities: { classes: [gold], keys: { file: keys.yaml }, jwt: { secret: { file: secret } } }
                services: { web: { replicas: \(list(upstream)) } }
                routes:
                  - match: { path: /to }
                    redirect: { to: "/{class}/{identity}/{claim.n}", status: 302 }
                  - request-headers: { set: { X-Who: \(who) } }
                    headers: { set: { X-Told: \(who) } }
                    service: web
                """)
            let claims = TokenIssuer.claims("ann", "\"n\":7,\"realm\":{\"plan\":\"a b\"}")
            let token = try await TokenIssuer.hs256(Self.secret).field(claims)
            for (fields, expected, location) in [
                ("", "anonymous/anonymous//", "/anonymous//"),
                (key.field, "acme/gold//", "/gold/acme/"),
                (token, "ann/authenticated/a b/7", "/authenticated/ann/7"),
            ] {
                let answer = try await gateway.ask(Text.get("/", "X-Who: lie\r\n" + fields))
                #expect(answer.text == expected && answer.value("X-Told") == expected)
                #expect(try await gateway.ask(Text.get("/to", fields)).value("Location") == location)
            }
        }
    }

    @Test("what a token says cannot bring a line of its own into a head or a log")
    func lines() async throws {
        try await onStage { stage in
            try stage.write("secret", Self.secret)
            let upstream = try await stage.upstream { peer in
                while try await peer.receiveRequest() != nil { try await peer.send(Text.ok) }
            }
            let gateway = try await stage.gateway(
                """
                identities: { jwt: { secret: { file: secret } } }
                quotas: { public: { authenticated: 100/h, key: "{claim.evil}" } }
                services: { web: { replicas: \(list(upstream)), session: { hash: ["{claim.evil}"] } } }
                routes:
                  - { match: { path: /to }, redirect: { to: "/{claim.evil}", status: 302 } }
                  - quota: public
                    request-headers: { set: { X-Who: "{identity}", X-Claim: "{claim.evil}" } }
                    headers: { set: { X-Told: "{claim.evil}" } }
                    service: web
                """)
            let evil = "a\\r\\nX-Evil: 1\\r\\n\\r\\nGET /evil HTTP/1.1\\u0000\\n"
            let token = try await TokenIssuer.hs256(Self.secret)
                .field(TokenIssuer.claims("ann\\r\\nX-Evil: 1", "\"evil\":\"\(evil)\""))
            for target in ["/", "/to"] {
                let answer = try await gateway.ask(Text.get(target, token))
                #expect([200, 302].contains(answer.status))
                #expect(answer.values("X-Evil").isEmpty && !answer.fields.contains { $0.name.contains("GET") })
            }
            let received = upstream.received.joined()
            #expect(received.contains("Usher-Identity: ann%0D%0AX-Evil: 1\r\n"))
            #expect(!received.contains("\nX-Evil") && !received.contains("\nGET /evil") && !received.contains("\0"))
            #expect(upstream.received.joined().components(separatedBy: "HTTP/1.1\r\n").count == 2)
            try await gateway.stop()
            #expect(try gateway.accessLog().map { $0["status"] as? Int } == [200, 302])
        }
    }

    @Test("a session by identity brings a caller to the same replica, however it says who it is")
    func session() async throws {
        try await onStage { stage in
            let names = (0..<16).map { "caller-\($0)" }
            let keys = names.map { CallerKey($0) }
            try stage.write("keys.yaml", keys)
            try stage.write("secret", Self.secret)
            let replicas = ["one", "two", "three"].map(Replica.init)
            var upstreams: [ScriptedUpstream] = []
            for replica in replicas { upstreams.append(try await stage.upstream(replica)) }
            let gateway = try await stage.gateway(
                """
                identities: { keys: { file: keys.yaml }, jwt: { secret: { file: secret } } }
                services:
                  web:
                    replicas: \(list(upstreams[0], upstreams[1], upstreams[2]))
                    session: { hash: ["{identity}"] }
                """)
            var used: Set<String> = []
            for key in keys {
                let byKey = try await gateway.ask(Text.get("/", key.field)).text
                let claims = TokenIssuer.claims(key.name)
                let byToken = try await gateway.ask(
                    Text.get("/", try await TokenIssuer.hs256(Self.secret).field(claims)))
                #expect(byToken.text == byKey, "\(key.name)")
                #expect(try await gateway.ask(Text.get("/", key.field)).text == byKey)
                used.insert(byKey)
            }
            // That all sixteen callers share one of three replicas by chance happens once in 14 million times.
            #expect(used.count >= 2)
        }
    }
}
