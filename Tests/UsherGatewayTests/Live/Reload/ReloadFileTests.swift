import Foundation
import Testing
import UsherTestKit

@Suite("The file that is reloaded", .timeLimit(.minutes(1)))
struct ReloadFileTests {
    private static func respond(_ body: String) -> String {
        "routes: [{ respond: { status: 200, body: \"\(body)\" } }]"
    }

    @Test("a refused file leaves everything as it is, and every problem in it is said with its place")
    func refused() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("web"))
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            #expect(try await client.ask().text == "web")
            let reloaded = try await gateway.reload(
                "services: { web: { replicas: [\"127.0.0.1:1\"], balance: sometimes } }\nroutes: [{ service: wep }]")
            #expect(reloaded.outcome == "refused")
            #expect(reloaded.problems.count == 2)
            #expect(reloaded.problems.allSatisfy { $0.contains("usher-0.yaml:") })
            #expect(reloaded.problems.contains { $0.contains("sometimes") })
            #expect(reloaded.problems.contains { $0.contains("wep") })
            #expect(try await client.ask().text == "web")
            #expect(upstream.connections.entries.count == 1)
            #expect(try await gateway.endpoints().map(\.address) == ["\(upstream.address)"])
            #expect(try await gateway.metric("usher_reloads_total{outcome=\"refused\"}") == 1)
            #expect(try await gateway.metric("usher_reloads_total{outcome=\"applied\"}") == 0)
        }
    }

    @Test("a file that is no YAML, and one that is gone, are refused")
    func unreadable() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(Self.respond("one"))
            #expect(try await gateway.reload("services: [ {").outcome == "refused")
            #expect(try await gateway.ask(Text.get()).text == "one")
            try FileManager.default.removeItem(atPath: gateway.file.path)
            let answer = try await gateway.post("/api/v1/reload", token: try gateway.file.adminToken)
            #expect(answer.status == 422)
            #expect(answer.text.contains("usher-0.yaml"))
            #expect(try await gateway.ask(Text.get()).text == "one")
        }
    }

    @Test("a listener that cannot be opened refuses the whole file")
    func takenPort() async throws {
        try await onStage { stage in
            let taken = try await stage.upstream()
            let gateway = try await stage.gateway(Self.respond("one"))
            let listeners = "listeners: [{ address: 127.0.0.1:0 }, { address: 127.0.0.1:0 }, \"\(taken.address)\"]\n"
            let reloaded = try await gateway.reload(
                listeners.replacing("\"\(taken.address)\"", with: "{ address: \"\(taken.address)\" }")
                    + Self.respond("two"))
            #expect(reloaded.outcome == "refused")
            #expect(reloaded.problems.count == 1)
            #expect(reloaded.problems.first?.contains("\(taken.address)") == true)
            #expect(try await gateway.ask(Text.get()).text == "one")
            #expect(try await gateway.reload(Self.respond("two")).outcome == "applied")
            #expect(try await gateway.ask(Text.get()).text == "two")
        }
    }

    @Test("a dry run lists the differences and changes nothing")
    func dryRun() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("web"))
            let gateway = try await stage.gateway(to: upstream)
            let other = try await stage.upstream(Replica("other"))
            let next =
                "services: { web: { replicas: \(list(other)), balance: random }, b: { replicas: \(list(other)) } }"
            let dry = try await gateway.reload(next + "\nroutes: [{ service: web }]", dryRun: true)
            #expect(dry.outcome == "would-apply")
            #expect(
                Set(dry.paths) == [
                    "services.web.balance", "services.b", "services.web.replicas[\(other.address)]",
                    "services.web.replicas[\(upstream.address)]",
                ])
            let balance = dry.changes.first { $0.path == "services.web.balance" }
            #expect(balance?.old == "least-requests" && balance?.new == "random" && balance?.kind == "changed")
            #expect(dry.changes.first { $0.path == "services.b" }?.kind == "added")
            #expect(try await gateway.ask(Text.get()).text == "web")
            #expect(try await gateway.admin("/api/v1/services/b").status == 404)
            #expect(other.connections.entries.isEmpty)
            for outcome in ["applied", "unchanged", "refused"] {
                #expect(try await gateway.metric("usher_reloads_total{outcome=\"\(outcome)\"}") == 0)
            }
            #expect(try await gateway.reload("services: [", dryRun: true).outcome == "refused")
            #expect(try await gateway.metric("usher_reloads_total{outcome=\"refused\"}") == 0)
        }
    }

    @Test("a file that says what is in force changes nothing")
    func unchanged() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(Self.respond("one"))
            let reloaded = try await gateway.reload("# another remark\n" + Self.respond("one"))
            #expect(reloaded.outcome == "unchanged" && reloaded.changes.isEmpty)
            #expect(try await gateway.metric("usher_reloads_total{outcome=\"unchanged\"}") == 1)
        }
    }

    @Test("keys that need a restart are said and keep their old value, while the rest of the file holds")
    func restartOnly() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(Self.respond("one"))
            let reloaded = try await gateway.reload(
                "workers: 2\nlog: { access: off }\nadmin: 127.0.0.1:1\n" + Self.respond("two"))
            #expect(reloaded.outcome == "applied")
            #expect(
                Set(reloaded.changes.filter(\.needsRestart).map(\.path)) == ["workers", "log.access", "admin.address"])
            #expect(try await gateway.ask(Text.get()).text == "two")
            #expect(try await gateway.metric("usher_workers") == 1)
            let object = try JSONSerialization.jsonObject(
                with: Data(try await gateway.admin("/api/v1/config").text.utf8))
            let settings = try #require(object as? [String: Any])
            #expect(settings["workers"] as? Int == 1)
            try await gateway.stop()
            #expect(try gateway.accessLog().count == 1)
        }
    }

    @Test("a changed file is noticed by itself, also when another one is put in its place")
    func noticed() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(Self.respond("one"))
            try gateway.file.replaceNoticeably(Self.respond("two"))
            try await gateway.wait(for: "usher_reloads_total{outcome=\"applied\"}", toBe: 1)
            #expect(try await gateway.ask(Text.get()).text == "two")
            try gateway.file.replaceNoticeably(Self.respond("three"))
            try await gateway.wait(for: "usher_reloads_total{outcome=\"applied\"}", toBe: 2)
            #expect(try await gateway.ask(Text.get()).text == "three")
        }
    }

    @Test("only who has the token may reload")
    func token() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(Self.respond("one"))
            try gateway.file.replace(Self.respond("two"))
            for token in [nil, "", String(repeating: "0", count: 64)] {
                let answer = try await gateway.post("/api/v1/reload", token: token)
                #expect(answer.status == 401)
                #expect(answer.value("www-authenticate")?.hasPrefix("Bearer") == true)
            }
            #expect(try await gateway.ask(Text.get()).text == "one")
        }
    }
}
