import Testing
import UsherCore
import UsherLoad

@Suite("What a person asks for", .timeLimit(.minutes(1)))
struct LoadOrderTests {
    private static func order(_ change: (inout LoadOrder) -> Void) -> LoadOrder {
        var order = LoadOrder()
        order.urls = ["http://127.0.0.1:8080/"]
        change(&order)
        return order
    }

    private static func problem(_ change: (inout LoadOrder) -> Void) -> String? {
        do {
            _ = try order(change).plan()
            return nil
        } catch {
            return error.message
        }
    }

    @Test("a URL alone is ten seconds of a closed loop on 64 connections")
    func defaults() throws {
        let (plan, notes) = try Self.order { _ in }.plan()
        #expect(plan.server.origin == "http://127.0.0.1:8080" && plan.targets.distinct == [LoadTarget(target: "/")])
        #expect(plan.pace == .closed && plan.duration == .seconds(10) && plan.requests == nil)
        #expect(plan.connections == 64 && plan.threads == 1 && !plan.isHTTP2 && plan.timeout == .seconds(10))
        #expect(notes.isEmpty)
    }

    @Test("a number of requests alone has no other end")
    func requestsOnly() throws {
        #expect(try Self.order { $0.requests = 5 }.plan().plan.duration == nil)
        let both = try Self.order { ($0.requests, $0.duration) = (5, "3s") }.plan().plan
        #expect(both.requests == 5 && both.duration == .seconds(3))
    }

    @Test("rate, body, fields and several URLs arrive in the plan")
    func everything() throws {
        let order = Self.order { order in
            order.urls = ["https://a.example/x?y=1#z", "https://A.example:443"]
            (order.rate, order.isPoisson, order.body) = ("90/min", true, Array("hello".utf8))
            (order.headers, order.isHTTP2, order.streams) = (["X-One:  two "], true, 7)
        }
        let plan = try order.plan().plan
        #expect(plan.server.isTLS && plan.server.authority == "a.example" && plan.server.name == "a.example")
        #expect(plan.targets.distinct.map(\.target) == ["/x?y=1", "/"])
        #expect(plan.targets.distinct.allSatisfy { $0.method == "POST" })
        #expect(plan.pace == .open(Rate(count: 90, per: .seconds(60)), .poisson) && plan.streams == 7)
        #expect(plan.fields.map(\.name) == ["X-One"] && plan.fields.map(\.value) == ["two"])
    }

    @Test("Zipf is of the numbers where there are some, else of the list")
    func zipf() throws {
        let numbered = try Self.order { ($0.urls, $0.zipf) = (["http://h:1/{n}"], 0.99) }.plan().plan
        #expect(numbered.keyPopularity == .zipf(exponent: 0.99) && numbered.popularity == .inOrder)
        let listed = try Self.order { ($0.urls, $0.zipf) = (["http://h:1/a", "http://h:1/b"], 0.99) }.plan().plan
        #expect(listed.popularity == .zipf(exponent: 0.99) && listed.keyPopularity == .uniform)
    }

    @Test(
        "URLs are read, and what is none says how to write one",
        arguments: [
            ("http://[::1]:9/a", "http://[::1]:9", "/a"), ("http://h", "http://h", "/"),
            ("HTTP://h?q", "http://h", "/?q"),
            ("https://h:443/", "https://h", "/"), ("https://h:80/", "https://h:80", "/"),
            ("http://h:/x", "http://h", "/x"),
        ])
    func urls(text: String, origin: String, target: String) throws {
        let url = try LoadURL(text: text)
        #expect(url.server.origin == origin && url.target == target)
    }

    @Test(
        "wrong URLs are refused",
        arguments: [
            "h:80", "ftp://h/", "http://", "http://:80/", "http://h:0/", "http://h:99999/", "http://a b/",
            "http://h/a b",
            "http://h/ü", "http://name:word@h/", "http://[::1/", "http://unix:/run/x", "http://{n}/",
        ])
    func wrongURLs(text: String) {
        #expect(throws: TextProblem.self) { try LoadURL(text: text) }
    }

    @Test("each wrong value is told with its option")
    func problems() {
        let cases: [(String, (inout LoadOrder) -> Void)] = [
            ("--rate: needs a unit: 100/s", { $0.rate = "500" }),
            ("--rate is a number of requests above 0", { $0.rate = "0/s" }),
            ("--duration: needs a unit", { $0.duration = "10" }),
            ("--duration is a time above 0", { $0.duration = "0s" }),
            ("--timeout is a time of at least 1ms", { $0.timeout = "0s" }), ("--warmup:", { $0.warmup = "soon" }),
            ("--connections is", { $0.connections = 0 }), ("--threads is", { $0.threads = 300 }),
            ("--requests is", { $0.requests = 0 }), ("--poisson spreads", { $0.isPoisson = true }),
            ("--streams is for HTTP/2", { $0.streams = 2 }), ("--method:", { $0.method = "G T" }),
            ("--streams is a number", { ($0.isHTTP2, $0.streams) = (true, 0) }),
            ("--keys is", { ($0.urls, $0.keys) = (["http://h/{n}"], 0) }), ("-H: 'x' is not", { $0.headers = ["x"] }),
            ("-H: 'a b' is not a field's name", { $0.headers = ["a b: c"] }),
            ("-H: the value of a holds a control", { $0.headers = ["a: b\r\nc: d"] }),
            ("-H: Content-Length is written", { $0.headers = ["Content-Length: 3"] }),
            ("--zipf needs several things", { $0.zipf = 1 }),
            ("--zipf is a number", { ($0.urls, $0.zipf) = (["http://h/{n}"], 0) }),
            ("name a URL", { $0.urls = [] }), ("load goes to one server", { $0.urls.append("http://127.0.0.1:8081/") }),
            ("give either --urls or --replay", { ($0.list, $0.log) = ("/a", "x") }),
            ("beside --urls or --replay one URL", { ($0.list, $0.urls) = ("/a", ["http://h/", "http://h/b"]) }),
            ("--urls, line 2: 'x' is not a URL", { $0.list = "/a\nx\n" }),
            ("--replay: no line", { $0.log = "nonsense" }),
            ("there is nothing to ask for", { $0.list = "# none\n" }),
        ]
        for (expected, change) in cases {
            let problem = Self.problem(change)
            #expect(problem?.hasPrefix(expected) == true, "\(problem ?? "no problem") instead of \(expected)")
        }
    }

    @Test("a list has a request a line")
    func list() throws {
        let text = "# comment\n\nGET /a?b\n/c\r\nHEAD http://127.0.0.1:8080/d\n/c\n"
        let targets = try Self.order { ($0.list, $0.method) = (text, "PUT") }.plan().plan.targets
        #expect(targets.distinct.map(\.method) == ["GET", "PUT", "HEAD"])
        #expect(targets.distinct.map(\.target) == ["/a?b", "/c", "/d"])
        #expect(targets.order == [0, 1, 2, 1])
        #expect(Self.problem { $0.list = "http://other/\n" }?.contains("is of another server") == true)
        #expect(Self.problem { $0.list = "GET /a b\n" }?.contains("a line is a method and a path") == true)
    }
}
