import Testing

@testable import UsherConsole

@Suite struct StatusTextTests {
    private let text = StatusText(TextStyle(time: TextStyleTests.time))

    private func endpoint(
        _ address: String, _ state: String = "ready", _ reason: String = "ready", until: String? = nil,
        inFlight: Int = 0, tunnels: Int = 0, requests: UInt64 = 0, events: [EndpointReport.Event]? = nil
    ) -> EndpointReport {
        EndpointReport(
            address: address, ready: state == "ready", state: state, reason: reason, since: "2026-11-22T23:10:00Z",
            until: until, inFlight: inFlight, tunnels: tunnels, requests: requests, events: events)
    }

    @Test("columns are aligned, and the reason of a replica that takes no requests stands under it")
    func table() {
        var slow = endpoint("127.0.0.1:9001", inFlight: 3, requests: 123_456)
        slow.latency = .init(p50: 1.234, p99: 8.96)
        slow.failures = 2
        let ejected = endpoint(
            "[::1]:9002", "ejected", "5 failures in a row", until: "2026-11-22T23:10:10Z", requests: 9999)
        var run = endpoint("127.0.0.1:40001", "starting", "not checked yet")
        run.name = "catalogue/0"
        let shown = text.services([
            ServiceReport(name: "web", balance: "random", endpoints: [slow, ejected]),
            ServiceReport(name: "catalogue", balance: "random", endpoints: [run]),
        ])
        #expect(
            shown == """
                SERVICE    REPLICA                        STATE     IN FLIGHT  REQUESTS  FAILURES  P50 MS  P99 MS
                web        127.0.0.1:9001                 ready             3    123.4k         2     1.2     9.0
                           [::1]:9002                     ejected           0      9999         0       -       -
                           5 failures in a row, until 00:10:10 (since 00:10:00)
                catalogue  127.0.0.1:40001 (catalogue/0)  starting          0         0         0       -       -
                           not checked yet (since 00:10:00)
                """)
        #expect(shown.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }

    @Test("what concerns the service as a whole stands in one line below it, if there is anything")
    func facts() {
        let service = ServiceReport(
            name: "cart", balance: "random", endpoints: [endpoint("10.0.0.7:9000", tunnels: 2)], retries: 1,
            queued: 3, sessionsMoved: 12,
            discovery: .init(name: "cart.internal:9000", age: 4, count: 1, error: "no such name"))
        let lines = text.services([service]).split(separator: "\n").dropFirst(2).joined(separator: "\n")
        #expect(
            lines == """
                         3 requests waiting, 2 tunnels open, 1 retry, 12 sessions moved, cart.internal:9000 gave 1
                         replica 4 s ago, and now fails: no such name
                """)
        let quiet = ServiceReport(name: "cart", balance: "random", endpoints: [endpoint("10.0.0.7:9000")])
        #expect(text.services([quiet]).split(separator: "\n").count == 2)
    }

    @Test("a drained replica shows what is left of its work")
    func drained() {
        let left = endpoint("127.0.0.1:9001", "drained", "drained by an operator", inFlight: 1, tunnels: 2)
        let idle = endpoint("127.0.0.1:9002", "drained", "drained by an operator")
        let shown = text.services([ServiceReport(name: "web", balance: "random", endpoints: [left, idle])])
        #expect(
            shown.contains(
                "drained by an operator, 1 request still in flight, 2 tunnels still open (since 00:10:00)"))
        #expect(shown.contains("\n         drained by an operator (since 00:10:00)"))
    }

    @Test("a service without replicas says so")
    func empty() {
        let service = ServiceReport(
            name: "cart", balance: "random", endpoints: [],
            discovery: .init(name: "cart.internal:9000", age: nil, count: 0, error: "no server answers"))
        let lines = text.services([service]).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].hasPrefix("cart     none"))
        #expect(lines[2].hasSuffix("cart.internal:9000 gave no answer yet, and now fails: no server answers"))
    }

    @Test("the events of all replicas are put together, the newest first")
    func events() {
        let one = endpoint(
            "a:1",
            events: [
                .init(at: "2026-11-22T23:00:00.000Z", state: "starting", reason: "not checked yet"),
                .init(at: "2026-11-22T23:00:02.500Z", state: "ready", reason: "2 checks passed"),
            ])
        let other = endpoint(
            "b:2",
            events: [
                .init(at: "2026-11-22T23:00:02.400Z", state: "ejected", reason: "5 failures in a row"),
                .init(at: "2026-11-22T23:00:02.500Z", state: "ready", reason: "its time is over"),
            ])
        let shown = text.service(ServiceReport(name: "web", balance: "random", endpoints: [one, other]))
        #expect(
            shown.hasSuffix(
                """


                TIME      REPLICA  STATE     WHY
                00:00:02  b:2      ready     its time is over
                00:00:02  a:1      ready     2 checks passed
                00:00:02  b:2      ejected   5 failures in a row
                00:00:00  a:1      starting  not checked yet
                """))
    }

    @Test("a hundred events are shown, and how many there are besides")
    func manyEvents() {
        let event = EndpointReport.Event(at: "2026-11-22T23:00:00.000Z", state: "ready", reason: "yes")
        let full = endpoint("a:1", events: Array(repeating: event, count: 103))
        let lines = text.service(ServiceReport(name: "web", balance: "random", endpoints: [full]))
            .split(separator: "\n")
        #expect(lines.filter { $0.hasSuffix("yes") }.count == 100)
        #expect(lines.last == "3 older events are shown by --json.")
        let none = text.service(ServiceReport(name: "web", balance: "random", endpoints: [endpoint("a:1", events: [])]))
        #expect(none.hasSuffix("\n\nNo events yet."))
    }

    @Test(
        "large counts are cut to one decimal",
        arguments: [
            (UInt64(0), "0"), (9999, "9999"), (10_000, "10.0k"), (12_399, "12.3k"), (999_999, "999.9k"),
            (1_000_000, "1.0M"), (5_678_901_234, "5.6G"), (UInt64.max, "18446744073.7G"),
        ])
    func counts(value: UInt64, shown: String) {
        #expect(StatusText.count(value) == shown)
    }
}
