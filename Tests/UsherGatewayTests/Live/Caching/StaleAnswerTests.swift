import NIOCore
import Testing
import UsherTestKit

/// Answers that are past their time: RFC 5861, and the client's wishes.
@Suite("Stale answers", .timeLimit(.minutes(2)))
struct StaleAnswerTests {
    private static func aged(_ directives: String, age: Int = 60) -> String {
        "Cache-Control: max-age=10\(directives)\r\nAge: \(age)\r\nETag: \"a\"\r\n"
    }

    @Test("RFC 5861 §3: a stale answer is given at once, and freshened behind the client's back")
    func whileRevalidate() async throws {
        try await onStage { stage in
            let origin = Origin(Self.aged(", stale-while-revalidate=600"))
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get()).text == "1")
            origin.answers("Cache-Control: max-age=60\r\n")
            let stale = try await gateway.ask(Text.get())
            #expect(stale.text == "1" && stale.cache?.hasPrefix("hit; ttl=-") == true)
            try await origin.requests.wait(for: 2)
            // The new one is there as soon as it has come whole.
            var newest = try await gateway.ask(Text.get())
            while newest.text != "2" { newest = try await gateway.ask(Text.get()) }
            #expect(origin.count == 2)
        }
    }

    @Test("RFC 5861 §3: however many ask meanwhile, the service is asked once")
    func whileRevalidateOnce() async throws {
        try await onStage { stage in
            let origin = Origin(Self.aged(", stale-while-revalidate=600"))
            let upstream = try await stage.upstream { try await origin.serve($0) }
            let gate = Signal()
            let held = Journal<String>()
            let slow = try await stage.upstream { peer in
                while try await peer.receiveRequest() != nil {
                    held.note("asked")
                    try await gate.wait()
                    try await peer.send(Text.answer("new", "Cache-Control: max-age=60\r\n"))
                }
            }
            func yaml(_ address: String) -> String {
                """
                caches: { pages: {} }
                services: { web: { replicas: ["\(address)"] } }
                routes: [{ service: web, cache: pages }]
                """
            }
            let gateway = try await stage.gateway(yaml("\(upstream.address)"))
            #expect(try await gateway.ask(Text.get()).text == "1")
            #expect(try await gateway.reload(yaml("\(slow.address)")).outcome == "applied")
            for _ in 0..<50 { #expect(try await gateway.ask(Text.get()).text == "1") }
            gate.fire()
            try await held.wait(for: 1)
            #expect(held.entries.count == 1)
        }
    }

    @Test("RFC 5861 §4: a service that fails, in any way, is covered by what there was")
    func ifError() async throws {
        try await onStage { stage in
            let origin = Origin(Self.aged(", stale-if-error=600"))
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get()).text == "1")
            origin.answers { _, _ in Text.answer("broken", status: "500 No") }
            let failed = try await gateway.ask(Text.get())
            #expect(failed.status == 200 && failed.text == "1" && failed.cache == "fwd=stale; fwd-status=500")
            origin.answers { _, _ in "not HTTP at all\r\n\r\n" }
            #expect(try await gateway.ask(Text.get()).text == "1")
            // What was never there cannot cover anything.
            #expect(try await gateway.ask(Text.get("/other")).status == 502)
            origin.answers { _, _ in Text.answer("gone", status: "404 Not Found") }
            #expect(try await gateway.ask(Text.get()).status == 404)
        }
    }

    @Test("RFC 9111 §4.2.4: what must be asked about is never given stale")
    func mustRevalidate() async throws {
        try await onStage { stage in
            let origin = Origin(Self.aged(", stale-if-error=600, stale-while-revalidate=600, must-revalidate"))
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get()).text == "1")
            origin.answers { _, _ in Text.answer("broken", status: "503 No") }
            let failed = try await gateway.ask(Text.get())
            #expect(failed.status == 503 && failed.text == "broken")
            #expect(try await gateway.ask(Text.get("/", "Cache-Control: max-stale\r\n")).status == 503)
        }
    }

    @Test(
        "RFC 9111 §5.2.1: what clients want of an answer's age",
        arguments: [
            ("no-cache", false), ("max-age=0", false), ("max-age=30", true), ("max-age=10", false),
            ("min-fresh=10", true), ("min-fresh=60", false), ("max-stale", true),
        ])
    func wishes(directive: String, isHit: Bool) async throws {
        try await onStage { stage in
            let origin = Origin("Cache-Control: max-age=60\r\nAge: 20\r\n")
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get()).text == "1")
            let answer = try await gateway.ask(Text.get("/", "Cache-Control: \(directive)\r\n"))
            #expect(answer.text == (isHit ? "1" : "2"))
            #expect(isHit || answer.cache?.hasPrefix("fwd=request") == true)
        }
    }

    @Test("RFC 9111 §5.2.1.2: a stale answer for who takes one; §5.2.1.7: the cache or nothing")
    func maxStale() async throws {
        try await onStage { stage in
            let origin = Origin(Self.aged(""))
            let gateway = try await stage.cached(origin)
            #expect(try await gateway.ask(Text.get()).text == "1")
            #expect(try await gateway.ask(Text.get("/", "Cache-Control: max-stale=600\r\n")).text == "1")
            let only = "Cache-Control: only-if-cached\r\n"
            #expect(try await gateway.ask(Text.get("/", only)).status == 504)
            #expect(try await gateway.ask(Text.get("/", "Cache-Control: only-if-cached, max-stale\r\n")).text == "1")
            #expect(origin.count == 1)
        }
    }
}
