import Testing
import UsherTestKit

/// What answers say of a quota, and that it is true.
@Suite("Fields of quotas", .timeLimit(.minutes(2)))
struct QuotaFieldTests {
    /// The fields of an answer: limit, remaining, reset and what the standard's fields say; nil where there is none.
    private struct Told: Equatable {
        var limit: Int
        var remaining: Int
        var reset: Int
        var policy: String
        var standard: String

        init?(_ values: (String) -> [String]) {
            func one(_ name: String) -> String? { values(name).count == 1 ? values(name)[0] : nil }
            guard let limit = one("x-ratelimit-limit").flatMap({ Int($0) }),
                let remaining = one("x-ratelimit-remaining").flatMap({ Int($0) }),
                let reset = one("x-ratelimit-reset").flatMap({ Int($0) }), let policy = one("ratelimit-policy"),
                let standard = one("ratelimit")
            else { return nil }
            (self.limit, self.remaining, self.reset) = (limit, remaining, reset)
            (self.policy, self.standard) = (policy, standard)
        }

        init?(_ answer: ReceivedMessage) { self.init(answer.values) }
    }

    private static let names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] + standardNames
    private static let standardNames = ["ratelimit", "ratelimit-policy"]

    @Test("what is left counts down to 0, then comes 429 with the time to wait, in both forms of fields")
    func countDown() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: { rate: 60/h, burst: 5 } } }
                routes: [{ quota: public, respond: { status: 200, body: ok } }]
                """)
            let client = try await stage.client(gateway)
            for left in [4, 3, 2, 1, 0] {
                let answer = try await client.ask()
                let told = try #require(Told(answer))
                #expect(answer.status == 200 && told.limit == 5 && told.remaining == left)
                // A unit comes back in a minute; the test takes less.
                #expect((60 * (4 - left) + 1...60 * (5 - left)).contains(told.reset))
                #expect(told.policy == "\"public\";q=5;w=300")
                #expect(told.standard == "\"public\";r=\(left);t=\(told.reset)")
                #expect(answer.values("Retry-After").isEmpty)
            }
            for _ in 1...3 {
                let answer = try await client.ask()
                let told = try #require(Told(answer))
                #expect(answer.status == 429 && answer.text == "the quota is used up\n")
                #expect(told.limit == 5 && told.remaining == 0)
                #expect((1...60).contains(answer.value("Retry-After").flatMap { Int($0) } ?? 0))
                #expect((241...300).contains(told.reset))
                #expect(told.standard == "\"public\";r=0;t=\(told.reset)")
            }
        }
    }

    @Test("who waits as long as Retry-After says passes, and who comes at once does not")
    func retryAfter() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: { rate: 30/min, burst: 3 } } }
                routes: [{ quota: public, respond: { status: 200, body: ok } }]
                """)
            let client = try await stage.client(gateway)
            for _ in 1...2 {
                var refused = try await client.ask()
                while refused.status == 200 { refused = try await client.ask() }
                let seconds = try #require(refused.value("Retry-After").flatMap { Int($0) })
                #expect(refused.status == 429 && (1...2).contains(seconds))
                try await Task.sleep(for: .seconds(seconds))
                #expect(try await client.ask().status == 200)
            }
        }
    }

    @Test("so many requests pass as an answer says are left, whatever was asked before")
    func promises() async throws {
        try await onStage { stage in
            let seed = UInt64.random(in: .min ... .max)
            print("seed \(seed)")
            var random = Seeded(state: seed)
            let gateway = try await stage.gateway(
                """
                quotas:
                  public:
                    anonymous: [{ rate: 1000/h, burst: 40 }, 60/h]
                    key: "{header.x-caller}"
                    cost: "{header.x-cost}"
                routes: [{ quota: public, respond: { status: 200, body: ok } }]
                """)
            let client = try await stage.client(gateway)
            for caller in 0..<20 {
                func ask(_ cost: Int) async throws -> (status: Int, left: Int) {
                    let answer = try await client.ask(Text.get("/", "X-Caller: \(caller)\r\nX-Cost: \(cost)\r\n"))
                    return (answer.status, try #require(Told(answer)).remaining)
                }
                var left = 40
                for _ in 0..<12 {
                    let cost = Int.random(in: 1...15, using: &random)
                    let (status, told) = try await ask(cost)
                    // A unit of the first window comes back in 3.6 s, which may happen once in a while.
                    #expect(status == (cost <= left ? 200 : 429) || cost == left + 1, "\(cost) of \(left)")
                    #expect(
                        (0...1).contains(told - (left - (status == 200 ? cost : 0))), "\(told) after \(left), \(cost)")
                    left = told
                }
                for number in 0..<left { #expect(try await ask(1).left <= left - number) }
                let last = try await ask(2)
                #expect(last.status == 429 && last.left <= 1)
            }
        }
    }

    @Test("every kind of answer of a route with a quota has the fields, and those that ask none have none")
    func everyAnswer() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    let status = request.target.dropFirst(5)
                    if status == "cut" { return }
                    try await peer.send("HTTP/1.1 \(status) Any\r\nContent-Length: 0\r\n\r\n")
                }
            }
            let nobody = try RefusingPort()
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: 1000/h } }
                services:
                  web: { replicas: \(list(upstream)), retries: { attempts: 1 }, ejection: { failures: 1000 } }
                  gone: { replicas: ["\(nobody.address)"] }
                routes:
                  - { match: { path: /free/* }, service: web }
                  - { match: { path: /web/* }, quota: public, limits: { body: 10B }, service: web }
                  - { match: { path: /gone }, quota: public, service: gone }
                  - { match: { path: /to }, quota: public, redirect: { to: /new, status: 308 } }
                  - { match: { path: /here }, quota: public, respond: { status: 200, body: ok } }
                """)
            let post = "POST /web/200 HTTP/1.1\r\nHost: a.example\r\n"
            let requests: [(text: String, status: Int)] = [
                (Text.get("/web/200"), 200), (Text.get("/web/204"), 204), (Text.get("/web/404"), 404),
                (Text.get("/web/500"), 500), (Text.get("/web/302"), 302), (Text.get("/web/cut"), 502),
                (Text.get("/gone"), 502), (Text.get("/to"), 308), (Text.get("/here"), 200),
                ("HEAD /web/200 HTTP/1.1\r\nHost: a.example\r\n\r\n", 200),
                ("HEAD /here HTTP/1.1\r\nHost: a.example\r\n\r\n", 200),
                ("TRACE /web/200 HTTP/1.1\r\nHost: a.example\r\n\r\n", 405),
                (Text.get("/web/a%2Fb"), 400), (post + "Content-Length: 11\r\n\r\n01234567890", 413),
                (post + "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", 413),
            ]
            for (number, request) in requests.enumerated() {
                let answer = try await gateway.ask(request.text)
                #expect(answer.status == request.status, "\(request.text)")
                #expect(Told(answer)?.remaining == 999 - number, "\(request.text): \(answer.head)")
            }
            for text in [Text.get("/free/200"), Text.get("/nowhere")] {
                let answer = try await gateway.ask(text)
                #expect(Self.names.allSatisfy { answer.values($0).isEmpty })
            }
            var client = try await HTTP2Talk(stage.client(gateway))
            let used = requests.count
            for (number, path) in ["/here", "/to", "/web/200", "/web/cut"].enumerated() {
                let told = Told(try await client.ask(path).values)
                #expect(told?.remaining == 999 - used - number && told?.limit == 1000, "\(path)")
            }
            #expect(Told(try await client.ask("/free/200").values) == nil)
        }
    }

    @Test("in HTTP/2 a refused request is told the same as in HTTP/1.1")
    func refusedHTTP2() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: 2/h } }
                routes: [{ quota: public, respond: { status: 200, body: ok } }]
                """)
            var client = try await HTTP2Talk(stage.client(gateway))
            #expect(try await client.ask().status == 200)
            #expect(try await client.ask().status == 200)
            let answer = try await client.ask()
            #expect(answer.status == 429 && answer.text == "the quota is used up\n")
            #expect((1...1800).contains(answer.value("retry-after").flatMap { Int($0) } ?? 0))
            let told = try #require(Told(answer.values))
            #expect(told.remaining == 0 && told.limit == 2 && told.policy == "\"public\";q=2;w=3600")
        }
    }

    @Test("a service's own fields of this kind do not pass where a quota tells its own, and do where none does")
    func servicesOwn() async throws {
        try await onStage { stage in
            let own =
                "X-RateLimit-Limit: 7\r\nx-ratelimit-remaining: 6\r\nX-RateLimit-Used: 1\r\nRateLimit: \"s\";r=6\r\n"
            let upstream = try await stage.upstream(
                answering: Text.answer("ok", own + "RateLimit-Policy: \"s\";q=7\r\nX-Rate: 3\r\n"))
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: 1000/h }, dry: { anonymous: 1/h, dry-run: true } }
                services: { web: { replicas: \(list(upstream)) } }
                routes:
                  - { match: { path: /quota }, quota: public, service: web }
                  - { match: { path: /dry }, quota: dry, service: web }
                  - { service: web }
                """)
            let quota = try await gateway.ask(Text.get("/quota"))
            #expect(Told(quota)?.limit == 1000 && quota.values("X-RateLimit-Used").isEmpty)
            #expect(quota.value("RateLimit-Policy") == "\"public\";q=1000;w=3600")
            #expect(quota.value("X-Rate") == "3")
            for target in ["/", "/dry", "/dry"] {
                let other = try await gateway.ask(Text.get(target))
                #expect(other.value("X-RateLimit-Limit") == "7" && other.value("X-RateLimit-Used") == "1")
                #expect(other.value("RateLimit-Policy") == "\"s\";q=7" && other.value("RateLimit") == "\"s\";r=6")
            }
        }
    }

    @Test("no window lets less pass than an answer says is left, however little of the others is used")
    func leastLeft() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: [{ rate: 2/s, burst: 10 }, 20/h], cost: "{query.cost}" } }
                routes: [{ quota: public, respond: { status: 200, body: ok } }]
                """)
            let client = try await stage.client(gateway)
            #expect(try await client.ask(Text.get("/?cost=10")).status == 200)
            // Half of the first window comes back; of the second, ten of twenty are left.
            try await Task.sleep(for: .milliseconds(2500))
            let told = try #require(Told(try await client.ask(Text.get("/?cost=1"))))
            #expect((4...8).contains(told.remaining) && told.limit == 10, "\(told)")
            let refused = try await client.ask(Text.get("/?cost=10"))
            #expect(refused.status == 429 && (Told(refused)?.remaining ?? 10) < 10, "\(refused.head)")
        }
    }

    @Test("of several windows each has its policy, the tightest gives the numbers, and none is exceeded")
    func windows() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(
                """
                quotas: { public: { anonymous: [{ rate: 600/min, burst: 5 }, 8/h] } }
                routes: [{ quota: public, respond: { status: 200, body: ok } }]
                """)
            let client = try await stage.client(gateway)
            var passed = 0
            var answers: [ReceivedMessage] = []
            // The first window gives one back every 100 ms, the second nothing within the test.
            for _ in 1...200 where passed < 8 {
                let answer = try await client.ask()
                let told = try #require(Told(answer))
                answers.append(answer)
                #expect(told.policy == "\"public-1min-5\";q=5;w=1, \"public-1h\";q=8;w=3600")
                let parts = told.standard.replacing(", ", with: ";").split(separator: ";")
                #expect(parts.count == 6 && parts[0] == "\"public-1min-5\"" && parts[3] == "\"public-1h\"")
                guard answer.status == 200 else {
                    #expect(answer.value("Retry-After") == "1" && told.remaining == 0 && told.limit == 5)
                    try await Task.sleep(for: .milliseconds(110))
                    continue
                }
                passed += 1
                #expect(parts[4] == "r=\(8 - passed)")
            }
            #expect(passed == 8)
            // Long enough for the first window alone.
            try await Task.sleep(for: .milliseconds(600))
            let last = try await client.ask()
            let told = try #require(Told(last))
            #expect(last.status == 429 && told.limit == 8 && told.remaining == 0)
            #expect((400...450).contains(last.value("Retry-After").flatMap { Int($0) } ?? 0))
        }
    }
}

/// Numbers from a seed (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
