import Foundation
import Testing
import UsherReplication
import UsherTestKit

@testable import UsherGateway

@Suite("Sessions by a cookie of Usher's", .timeLimit(.minutes(1)))
struct CookieSessionLiveTests {
    private static let keys = "session: { cookie: sid, ttl: 1h }, balance: round-robin, slow-start: 0s"
    private static let attributes = "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"

    /// Two replicas, `count` sessions, and what a test needs to know of each.
    private static func play(
        _ keys: String = keys, _ body: (Stage, RunningGateway, [(Replica, ScriptedUpstream)]) async throws -> Void
    ) async throws {
        try await onStage { stage in
            var replicas: [(Replica, ScriptedUpstream)] = []
            for name in ["one", "two", "three"] {
                let replica = Replica(name)
                replicas.append((replica, try await stage.upstream(replica)))
            }
            let addresses = replicas.map { "\"\($0.1.address)\"" }.joined(separator: ", ")
            let gateway = try await stage.gateway("services: { web: { replicas: [\(addresses)], \(keys) } }")
            try await body(stage, gateway, replicas)
        }
    }

    private static func get(_ cookie: String?) -> String {
        Text.get("/", cookie.map { "Cookie: sid=\($0)\r\n" } ?? "")
    }

    /// The value that an answer sets; nil when it sets none.
    private static func value(_ answer: ReceivedMessage) -> String? {
        answer.value("set-cookie").map { String($0.dropFirst(4).prefix { $0 != ";" }) }
    }

    @Test("the first answer sets the cookie with exactly its attributes, and the next ones none")
    func setOnce() async throws {
        try await Self.play { stage, gateway, _ in
            let first = try await gateway.ask(Self.get(nil))
            let line = try #require(first.value("set-cookie"))
            let value = try #require(Self.value(first))
            #expect(line == "sid=\(value)\(Self.attributes)")
            #expect(value.utf8.count == SessionCookie.textCount)
            for _ in 1...12 {
                let answer = try await gateway.ask(Self.get(value))
                #expect(answer.text == first.text)
                #expect(answer.values("set-cookie").isEmpty)
            }
            #expect(try await gateway.metric("usher_service_sessions_total{service=\"web\",outcome=\"new\"}") == 1)
            #expect(try await gateway.metric("usher_service_sessions_total{service=\"web\",outcome=\"kept\"}") == 12)
        }
    }

    @Test("over a connection that a trusted proxy calls secure the cookie is for secure connections only")
    func secure() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("one"))
            let gateway = try await stage.gateway(
                "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.1] }]\n"
                    + "services: { web: { replicas: \(list(upstream)), \(Self.keys) } }")
            let secure = try await gateway.ask(Text.get("/", "X-Forwarded-Proto: https\r\n"))
            #expect(secure.value("set-cookie")?.hasSuffix(Self.attributes + "; Secure") == true)
            let plain = try await gateway.ask(Text.get("/", "X-Forwarded-Proto: http\r\n"))
            #expect(plain.value("set-cookie")?.hasSuffix(Self.attributes) == true)
        }
    }

    @Test("the application's own cookies stay beside Usher's, both ways")
    func beside() async throws {
        try await Self.play { stage, gateway, replicas in
            for (replica, _) in replicas { replica.answers("200 OK", "Set-Cookie: app=1; Path=/\r\n") }
            let first = try await gateway.ask(Self.get(nil))
            #expect(first.values("set-cookie").count == 2)
            #expect(first.values("set-cookie").contains("app=1; Path=/"))
            let own = try #require(first.values("set-cookie").first { $0.hasPrefix("sid=") })
            let value = own.dropFirst(4).prefix { $0 != ";" }
            for cookies in ["Cookie: app=1; sid=\(value); b=2\r\n", "Cookie: app=1\r\nCookie: x=\"; sid=\(value)\r\n"] {
                let answer = try await gateway.ask(Text.get("/", cookies))
                #expect(answer.text == first.text)
                #expect(answer.values("set-cookie") == ["app=1; Path=/"])
            }
            let seen = replicas.flatMap { $0.0.requests.entries }
            #expect(seen.contains { $0.value("cookie") == "app=1; sid=\(value); b=2" })
        }
    }

    // MARK: Cookies that were made by hand

    /// Signs as the gateway of this stage does.
    private static func cookie(
        _ gateway: RunningGateway, expiresIn seconds: Int, to upstream: ScriptedUpstream, service: String = "web",
        name: String = "sid"
    ) throws -> String {
        let secret = try SecretFile.load(path: gateway.file.stateFolder + "/secret").secret
        let signer = CookieSigner(secret: secret, service: service, cookie: name)
        let cookie = SessionCookie(
            session: 42, endpoint: EndpointTag(name: "\(upstream.address)"),
            expiry: Int(Date().timeIntervalSince1970) + seconds)
        let text = cookie.encode { signer.authenticator(of: $0) }
        return String(decoding: text.indices.map { text[$0] }, as: UTF8.self)
    }

    @Test("a valid cookie goes where it says; one of which more than a tenth is over is renewed, and still goes there")
    func renewed() async throws {
        try await Self.play { stage, gateway, replicas in
            let (replica, upstream) = replicas[1]
            let fresh = try await gateway.ask(
                Self.get(try Self.cookie(gateway, expiresIn: 3590, to: upstream)))
            #expect(fresh.text == replica.name)
            #expect(fresh.values("set-cookie").isEmpty)
            let old = try Self.cookie(gateway, expiresIn: 600, to: upstream)
            let renewed = try await gateway.ask(Self.get(old))
            #expect(renewed.text == replica.name)
            let value = try #require(Self.value(renewed))
            #expect(value != old)
            let again = try await gateway.ask(Self.get(value))
            #expect(again.text == replica.name)
            #expect(again.values("set-cookie").isEmpty)
        }
    }

    @Test("cookies that are forged, expired, another service's, cut or stretched are replaced and counted, not trusted")
    func replaced() async throws {
        try await Self.play { stage, gateway, replicas in
            let upstream = replicas[1].1
            let good = try Self.cookie(gateway, expiresIn: 3000, to: upstream)
            let flipped = (good.hasPrefix("B") ? "A" : "B") + good.dropFirst()
            let last = good.dropLast() + (good.hasSuffix("A") ? "B" : "A")
            let bad = [
                String(flipped), String(last), String(good.dropLast()), good + "A", "", "nonsense",
                String(repeating: "A", count: 52),
                try Self.cookie(gateway, expiresIn: 3000, to: upstream, service: "other"),
                try Self.cookie(gateway, expiresIn: 3000, to: upstream, name: "uid"),
                try Self.cookie(gateway, expiresIn: 500 * 86_400, to: upstream),
            ]
            for cookie in bad + [try Self.cookie(gateway, expiresIn: -1, to: upstream)] {
                let answer = try await gateway.ask(Self.get(cookie))
                #expect(answer.status == 200)
                let value = try #require(Self.value(answer), "\(cookie)")
                let next = try await gateway.ask(Self.get(value))
                #expect(next.text == answer.text)
                #expect(next.values("set-cookie").isEmpty)
            }
            // Each in turn: nobody went where a bad cookie said.
            let counts = replicas.map { $0.0.targets.count }
            #expect(counts.reduce(0, +) == 2 * (bad.count + 1))
            #expect(counts.allSatisfy { $0 >= 6 })
            func outcome(_ word: String) async throws -> Double? {
                try await gateway.metric("usher_service_sessions_total{service=\"web\",outcome=\"\(word)\"}")
            }
            #expect(try await outcome("forged") == Double(bad.count))
            #expect(try await outcome("new") == 1)
            #expect(try await outcome("kept") == Double(bad.count + 1))
        }
    }

    @Test("of several cookies of the name the first valid one counts")
    func several() async throws {
        try await Self.play { stage, gateway, replicas in
            let good = try Self.cookie(gateway, expiresIn: 3590, to: replicas[2].1)
            let answer = try await gateway.ask(Text.get("/", "Cookie: sid=x; sid=\(good); sid=y\r\n"))
            #expect(answer.text == "three")
            #expect(answer.values("set-cookie").isEmpty)
        }
    }

    // MARK: Moving

    @Test("a session whose replica is drained moves once: the application is told, the client gets a new cookie")
    func drained() async throws {
        try await Self.play { stage, gateway, replicas in
            let first = try await gateway.ask(Self.get(nil))
            let value = try #require(Self.value(first))
            let old = try #require(replicas.first { $0.0.name == first.text })
            #expect(old.0.requests.entries.last?.values("usher-session").isEmpty == true)
            #expect(try await gateway.drain(old.1).status == 200)
            let moved = try await gateway.ask(Self.get(value))
            #expect(moved.text != first.text)
            let new = try #require(replicas.first { $0.0.name == moved.text })
            #expect(new.0.requests.entries.last?.value("usher-session") == "moved")
            let second = try #require(Self.value(moved))
            let kept = try await gateway.ask(Self.get(second))
            #expect(kept.text == moved.text)
            #expect(kept.values("set-cookie").isEmpty)
            #expect(new.0.requests.entries.last?.values("usher-session").isEmpty == true)
            // Undrained, the new home stays the session's home.
            try await gateway.undrain(old.1)
            #expect(try await gateway.ask(Self.get(second)).text == moved.text)
            #expect(try await gateway.metric("usher_service_sessions_total{service=\"web\",outcome=\"moved\"}") == 1)
            try await gateway.stop()
            let words = try gateway.accessLog().map { $0["session"] as? String }
            #expect(words == ["new", "moved", "kept", "kept"])
        }
    }

    @Test("a session whose replica left the configuration moves to one that all gateways agree on")
    func gone() async throws {
        try await Self.play { stage, gateway, replicas in
            let first = try await gateway.ask(Self.get(nil))
            let value = try #require(Self.value(first))
            let left = replicas.filter { $0.0.name != first.text }
            let yaml = "services: { web: { replicas: \(list(left[0].1, left[1].1)), \(Self.keys) } }"
            try await gateway.reload(yaml)
            let moved = try await gateway.ask(Self.get(value))
            #expect(left.contains { $0.0.name == moved.text })
            let new = try #require(left.first { $0.0.name == moved.text })
            #expect(new.0.requests.entries.last?.value("usher-session") == "moved")
            // A client that did not take the new cookie gets to the same one again.
            for _ in 1...4 { #expect(try await gateway.ask(Self.get(value)).text == moved.text) }
        }
    }

    @Test("a session whose replica fails is answered by another one in the same request")
    func failed() async throws {
        try await Self.play { stage, gateway, replicas in
            let first = try await gateway.ask(Self.get(nil))
            let value = try #require(Self.value(first))
            let old = try #require(replicas.first { $0.0.name == first.text })
            await old.1.stop()
            let moved = try await gateway.ask(Self.get(value))
            #expect(moved.status == 200 && moved.text != first.text)
            #expect(Self.value(moved) != nil)
        }
    }

    @Test("a client's own Usher-Session never reaches a replica")
    func ownField() async throws {
        try await Self.play { stage, gateway, replicas in
            _ = try await gateway.ask(Text.get("/", "Usher-Session: moved\r\nusher-session: x\r\n"))
            let request = try #require(replicas.flatMap { $0.0.requests.entries }.first)
            #expect(request.values("usher-session").isEmpty)
        }
    }

    @Test("first requests that come at the same time each get a session of their own")
    func concurrent() async throws {
        try await Self.play { stage, gateway, _ in
            let values = try await withThrowingTaskGroup(of: (String, String).self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        let answer = try await gateway.ask(Self.get(nil))
                        return (Self.value(answer) ?? "", answer.text)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(values.map(\.0)).count == 40)
            for (value, name) in values {
                let answer = try await gateway.ask(Self.get(value))
                #expect(answer.text == name && answer.values("set-cookie").isEmpty)
            }
        }
    }

    @Test("two gateways that share a secret agree on a cookie; two that do not replace each other's")
    func twoGateways() async throws {
        try await onStage { stage in
            let (one, two) = (Replica("one"), Replica("two"))
            let (first, second) = (try await stage.upstream(one), try await stage.upstream(two))
            let file = stage.folder + "/shared"
            try "0123456789abcdef0123456789abcdef".write(toFile: file, atomically: true, encoding: .utf8)
            let service = "services: { web: { replicas: \(list(first, second)), \(Self.keys) } }"
            let shared = "secret: { file: \"\(file)\" }\n" + service
            let (here, there) = (try await stage.gateway(shared), try await stage.gateway(shared))
            let elsewhere = try await stage.gateway(service)
            for _ in 1...4 {
                let answer = try await here.ask(Self.get(nil))
                let value = try #require(Self.value(answer))
                let same = try await there.ask(Self.get(value))
                #expect(same.text == answer.text && same.values("set-cookie").isEmpty)
                #expect(Self.value(try await elsewhere.ask(Self.get(value))) != nil)
            }
        }
    }

    @Test("sessions outlive a restart of the gateway with its state folder")
    func restart() async throws {
        try await onStage { stage in
            let (first, second) = (try await stage.upstream(Replica("one")), try await stage.upstream(Replica("two")))
            let yaml =
                "state: \(stage.folder)/state\nservices: { web: { replicas: \(list(first, second)), \(Self.keys) } }"
            let gateway = try await stage.gateway(yaml)
            let answer = try await gateway.ask(Self.get(nil))
            let value = try #require(Self.value(answer))
            try await gateway.stop()
            let next = try await stage.gateway(yaml)
            for _ in 1...4 {
                let kept = try await next.ask(Self.get(value))
                #expect(kept.text == answer.text && kept.values("set-cookie").isEmpty)
            }
        }
    }
}
