import Testing
import UsherCore

@testable import UsherGateway

@Suite struct RoutingScaleTests {
    /// Few words, so that routes and requests meet often, and some that differ in one byte only.
    private static func host(_ random: inout SeededRandom) -> String {
        let labels = ["a", "b", "ab", "example", "com", ""]
        let name = (0...random.below(4)).map { _ in labels[random.below(5 + random.below(2))] }.joined(separator: ".")
        let cased = random.below(4) == 0 ? name.uppercased() : name
        return random.below(8) == 0 ? cased + "." : cased
    }

    private static func path(_ random: inout SeededRandom) -> String {
        let segments = ["v1", "v2", "v", "users", "V1", ""]
        return (0..<random.below(5)).map { _ in "/" + segments[random.below(segments.count)] }.joined()
    }

    private static func pattern(_ random: inout SeededRandom) -> RoutePattern {
        var pattern = RoutePattern()
        let host = host(&random)
        // The configuration refuses names without any label.
        let isName = host != "" && host != "."
        switch random.below(4) {
        case 1 where isName: pattern.host = .suffix(host)
        case 2 where isName, 3 where isName: pattern.host = .exact(host)
        default: pattern.host = .any
        }
        switch random.below(5) {
        case 0: pattern.path = .any
        case 1, 2: pattern.path = .prefix(path(&random))
        default: pattern.path = .exact(path(&random))
        }
        if random.below(3) == 0 { pattern.methods = [["GET", "POST", "GETS"][random.below(3)]] }
        if random.below(4) == 0 { pattern.headers = [.init(name: "X-\(random.below(2))", value: "\(random.below(2))")] }
        return pattern
    }

    private static func request(_ random: inout SeededRandom) -> LinearRouter.Request {
        LinearRouter.Request(
            host: host(&random), path: random.below(10) == 0 ? "*" : path(&random),
            method: random.below(3) == 0 ? "POST" : "GET",
            headers: (0..<random.below(3)).map { _ in ("x-\(random.below(2))", "\(random.below(2))") })
    }

    @Test("the router gives what comparing route by route gives", arguments: 1...60 as ClosedRange<UInt64>)
    func againstLinear(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let patterns = (0..<random.below(80)).map { _ in Self.pattern(&random) }
        let router = Router(patterns, seed: random.next())
        var matched = 0
        for _ in 0..<400 {
            let request = Self.request(&random)
            let expected = LinearRouter.match(patterns, request)
            #expect(router.match(request.input) == expected, "seed \(seed): \(request)")
            if expected != nil { matched += 1 }
        }
        // A table of routes that nothing meets would prove nothing.
        #expect(patterns.count < 20 || matched > 20)
    }

    /// `count` routes over a tenth as many hosts, and three for any host.
    private static func routes(_ count: Int) -> [RoutePattern] {
        (0..<count).map { index in
            RoutePattern(host: .exact("h\(index % (count / 10)).example.com"), path: .prefix("/api/r\(index)/x"))
        } + [
            RoutePattern(host: .suffix("example.com"), path: .prefix("/shared")),
            RoutePattern(path: .exact("/healthz")), RoutePattern(),
        ]
    }

    @Test("the number of look-ups does not grow with the number of routes")
    func constantLookups() {
        var counts: Set<Int> = []
        for count in [10, 100, 1_000, 10_000] {
            let router = Router(Self.routes(count), seed: 7)
            // Paths of the same length, so that the same prefixes are candidates.
            var lookups = 0
            #expect(router.match(RouterInput(host: "h0.example.com", path: "/api/r0/x/y"), lookups: &lookups) == 0)
            counts.insert(lookups)
        }
        // Host: two suffixes and the whole. Path: five prefixes at most under each of three classes, and the whole.
        #expect(counts.allSatisfy { $0 <= 3 + 3 * 6 }, "\(counts)")
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "\(counts)")
    }

    @Test(
        "a hostile host or path is looked up no more often than the routes reach",
        arguments: [
            (String(repeating: "a.", count: 8_000) + "example.com", "/"),
            (String(repeating: ".", count: 16_000), "/"),
            ("h0.example.com", String(repeating: "/a", count: 4_000)),
            ("h0.example.com", String(repeating: "/", count: 8_000)),
        ])
    func boundedLookups(host: String, path: String) {
        let router = Router(Self.routes(1_000), seed: 7)
        var lookups = 0
        _ = router.match(RouterInput(host: host, path: path), lookups: &lookups)
        #expect(lookups < 80)
    }

    @Test("the seed changes where keys fall and never what matches", arguments: [0, 1, .max, 0x9E37_79B9] as [UInt64])
    func seeds(seed: UInt64) {
        let router = Router(Self.routes(100), seed: seed)
        for index in 0..<100 {
            let input = RouterInput(host: "h\(index % 10).example.com", path: "/api/r\(index)/x")
            #expect(router.match(input) == index)
        }
        var hash = RouterHash(seed: seed)
        var other = RouterHash(seed: seed &+ 1)
        hash.combine(1)
        other.combine(1)
        #expect(hash.value(scope: 0) != other.value(scope: 0))
    }

    @Test("keys whose hashes are equal are told apart")
    func collisions() {
        let keys: [(scope: UInt32, bytes: [UInt8], hash: UInt64, value: Int32)] = [
            (0, [1], 5, 10), (1, [1], 5, 11), (0, [2], 5, 12), (0, [1, 2], 5, 13),
        ]
        let table = RouterTable(keys, foldsCase: false)
        for key in keys {
            #expect(table.value(of: key.bytes.span, hash: 5, scope: key.scope) == key.value)
        }
        let absent: [UInt8] = [3]
        #expect(table.value(of: absent.span, hash: 5, scope: 0) == nil)
    }
}
