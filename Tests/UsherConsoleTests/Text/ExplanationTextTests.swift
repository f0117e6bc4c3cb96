import Testing

@testable import UsherConsole

@Suite struct ExplanationTextTests {
    private let text = ExplanationText(TextStyle(time: TextStyleTests.time))

    @Test("phases, session and verdicts stand in columns, the chosen replica first")
    func verdicts() {
        let explanation = Explanation(
            method: "GET", url: "/x", action: "service", session: "cookie SID", why: "",
            phases: [.init(phase: "route", decision: "route 1 of 2: /x")],
            endpoints: [
                .init(address: "[::1]:9003", verdict: .out, why: "drained by an operator"),
                .init(address: "a:1", verdict: .notChosen, why: "4 requests in flight"),
                .init(address: "b:2", verdict: .chosen, why: "2 requests in flight"),
            ])
        #expect(
            text.text(explanation, source: "asked the Usher at 127.0.0.1:9900") == """
                GET /x  (asked the Usher at 127.0.0.1:9900)
                  route    route 1 of 2: /x
                  session  cookie SID

                REPLICA     VERDICT     WHY
                b:2         chosen      2 requests in flight
                a:1         not chosen  4 requests in flight
                [::1]:9003  out         drained by an operator
                """)
    }

    @Test("a request that no service gets has no table")
    func refused() {
        let explanation = Explanation(
            method: "GET", url: "/x", action: "refuse", why: "",
            phases: [.init(phase: "route", decision: "404: none of 2 routes matches")])
        let shown = text.text(explanation, source: "read from usher.yaml")
        #expect(shown == "GET /x  (read from usher.yaml)\n  route    404: none of 2 routes matches")
    }

    @Test("of many replicas the first twenty are shown, the chosen one among them")
    func many() {
        let others = (1...30).map {
            Explanation.Endpoint(address: "a:\($0)", verdict: .notChosen, why: "its turn is later")
        }
        let chosen = Explanation.Endpoint(address: "b:1", verdict: .chosen, why: "its turn")
        let explanation = Explanation(
            method: "GET", url: "/x", action: "service", why: "", endpoints: others + [chosen])
        let lines = text.text(explanation, source: "").split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("b:1") })
        #expect(lines.filter { $0.hasPrefix("a:") }.count == 19)
        #expect(lines.last == "11 more are shown by --json.")
    }
}
