import Synchronization
import Testing
import UsherCore
import UsherTestKit

/// Random services, clients and changes: whatever happens, no client gets an answer that a simple model forbids.
///
/// Requests come one after the other, so the model knows at each of them what may be there. Time passes by the `Age`
/// that services send: lifetimes are so long that the test's own seconds count for nothing.
@Suite("The cache against a model", .timeLimit(.minutes(3)))
struct CacheModelTests {
    /// One answer of the service, as it said it.
    private struct Made: Sendable {
        var number = 0
        var target = ""
        var language = ""
        var maxAge: Int?
        var age = 0
        var staleWhileRevalidate = 0
        var isForbidden = false
        var mustRevalidate = false
        var varies = false
        /// A change of its target has come after it, or the service has said that it holds still.
        var isInvalid = false

        var fields: String {
            var directives: [String] = []
            if let maxAge = self.maxAge { directives.append("max-age=\(maxAge)") }
            if self.staleWhileRevalidate > 0 {
                directives.append("stale-while-revalidate=\(self.staleWhileRevalidate)")
            }
            if self.mustRevalidate { directives.append("must-revalidate") }
            if self.isForbidden { directives.append(self.number % 2 == 0 ? "no-store" : "private") }
            var text = "ETag: \"\(self.number)\"\r\nAge: \(self.age)\r\n"
            if !directives.isEmpty { text += "Cache-Control: \(directives.joined(separator: ", "))\r\n" }
            if self.varies { text += "Vary: Accept-Language\r\n" }
            return text
        }
    }

    private final class Model: Sendable {
        struct State {
            var random: SeededRandom
            var made: [Made] = []
            /// Answers to revalidations: the number that was said to hold, and the age that it has from then on.
            var confirmed: [Int: Int] = [:]
        }

        let state: Mutex<State>

        init(seed: UInt64) { self.state = Mutex(State(random: SeededRandom(seed: seed))) }

        /// The service's answer to a request.
        func answer(_ request: ReceivedMessage) -> String {
            self.state.withLock { state in
                if request.method != "GET" {
                    let isDone = state.random.below(4) > 0
                    if isDone {
                        for index in state.made.indices where state.made[index].target == request.target {
                            state.made[index].isInvalid = true
                        }
                    }
                    return Text.answer("", status: isDone ? "200 OK" : "409 Conflict")
                }
                if let tag = request.value("if-none-match"), let number = Int(tag.dropFirst().dropLast()),
                    state.random.below(2) == 0, state.made.indices.contains(number)
                {
                    state.confirmed[number] = 0
                    return "HTTP/1.1 304 Not Modified\r\nETag: \(tag)\r\n\r\n"
                }
                var made = Made()
                made.number = state.made.count
                made.target = request.target
                made.language = request.value("accept-language") ?? ""
                made.maxAge = state.random.below(6) == 0 ? nil : 1000
                made.age = state.random.below(2) == 0 ? 0 : 900 + state.random.below(4) * 100
                made.staleWhileRevalidate = state.random.below(3) == 0 ? 200 : 0
                made.mustRevalidate = state.random.below(4) == 0
                // Seldom, because after one of them the target passes the cache by for a while.
                made.isForbidden = state.random.below(60) == 0
                // One target has one kind of answers, as services have.
                made.varies = request.target.hasSuffix("v")
                state.made.append(made)
                return Text.answer("\(made.number)", made.fields)
            }
        }

        /// What begins so is as good as changed.
        func purge(_ prefix: String) {
            self.state.withLock { state in
                for index in state.made.indices where state.made[index].target.hasPrefix(prefix) {
                    state.made[index].isInvalid = true
                }
            }
        }

        /// Why an answer must not have been given; nil when it may.
        func objection(
            to answer: ReceivedMessage, target: String, language: String, wishes: String
        ) -> String? {
            self.state.withLock { state in
                guard let number = Int(answer.text), state.made.indices.contains(number) else {
                    return "not of this service: \(answer.text)"
                }
                let made = state.made[number]
                if made.target != target { return "of another target: \(made)" }
                if made.varies, made.language != language { return "for another language: \(made)" }
                guard answer.cache?.hasPrefix("hit") == true else { return nil }
                if made.isForbidden { return "never to be kept: \(made)" }
                if made.isInvalid { return "changed since: \(made)" }
                // Without a lifetime an answer with a tag is kept and stale at once.
                let maxAge = made.maxAge ?? 0
                let age = state.confirmed[number] ?? made.age
                let newer = state.made.contains {
                    $0.number > number && $0.target == target && !$0.isForbidden && $0.maxAge != nil
                        && (!$0.varies || $0.language == language) && $0.age < maxAge
                }
                if newer, age < maxAge { return "there is a newer one: \(made)" }
                if wishes == "no-cache" { return "the client wanted a new one: \(made)" }
                if age < maxAge { return nil }
                if made.mustRevalidate { return "stale, and must be asked about: \(made)" }
                if wishes == "max-stale" { return nil }
                return age < maxAge + made.staleWhileRevalidate ? nil : "stale: \(made)"
            }
        }
    }

    @Test("no client gets what the model forbids", arguments: 0..<4)
    func model(run: Int) async throws {
        let seed = UInt64.random(in: .min ... .max)
        try await onStage { stage in
            let model = Model(seed: seed)
            let origin = Origin { request, _ in model.answer(request) }
            let gateway = try await stage.cached(origin, more: "workers: 2")
            var random = SeededRandom(seed: seed &+ 1)
            let clients = [try await stage.client(gateway), try await stage.client(gateway)]
            var hits = 0
            for step in 0..<2000 {
                let client = clients[random.below(2)]
                let target = "/\(random.below(8))" + ["", "v", "?x=1"][random.below(3)]
                let language = ["", "de", "fr"][random.below(3)]
                if random.below(20) == 0 {
                    let body = "POST \(target) HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"
                    _ = try await client.ask(body)
                    continue
                }
                if random.below(40) == 0 {
                    let prefix = ["/\(random.below(8))", "/"][random.below(10) == 0 ? 1 : 0]
                    let body = "{\"prefix\": \"http://a.example\(prefix)\"}"
                    let token = try gateway.file.adminToken
                    #expect(try await gateway.post("/api/v1/purge", body: body, token: token).status == 200)
                    model.purge(prefix)
                    continue
                }
                let wishes = random.below(8) == 0 ? ["no-cache", "max-stale"][random.below(2)] : ""
                var fields = language.isEmpty ? "" : "Accept-Language: \(language)\r\n"
                if !wishes.isEmpty { fields += "Cache-Control: \(wishes)\r\n" }
                let answer = try await client.ask(Text.get(target, fields))
                if answer.cache?.hasPrefix("hit") == true { hits += 1 }
                if let objection = model.objection(to: answer, target: target, language: language, wishes: wishes) {
                    Issue.record("seed \(seed) step \(step): \(answer.cache ?? "") \(objection)")
                    return
                }
            }
            // Most of it is cached: otherwise the model has nothing to forbid.
            #expect(hits > 150, "seed \(seed): \(hits) hits")
        }
    }
}
