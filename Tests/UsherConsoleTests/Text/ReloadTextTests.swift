import Testing

@testable import UsherConsole

@Suite struct ReloadTextTests {
    private static let changes: [ReloadReport.Change] = [
        .init(
            path: "services.cart", kind: .added,
            new: #"{"replicas":["127.0.0.1:9001"],"slow-start":"10s","panic":"0%"}"#),
        .init(path: "services.old", kind: .removed),
        .init(path: "services.web.panic", kind: .added, new: "50%"),
        .init(path: "services.web.retries.attempts", kind: .changed, old: "2", new: "3"),
        .init(path: "routes", kind: .changed),
        .init(path: "workers", kind: .changed, old: "2", new: "4", needsRestart: true),
    ]

    private static let lines = """
        + services.cart
        - services.old
        + services.web.panic: 50%
        ~ services.web.retries.attempts: 2 -> 3
        ~ routes
        ! workers: 2 -> 4 (needs a restart)
        """

    private func text(_ report: ReloadReport) -> String {
        ReloadText(TextStyle(time: TextStyleTests.time)).text(report)
    }

    @Test("every difference is a line, and the last one says what came of it")
    func differences() {
        #expect(
            text(ReloadReport(outcome: .applied, changes: Self.changes, notes: ["2 replicas are probed first"]))
                == Self.lines + "\n2 replicas are probed first\napplied: 6 changes, 1 needs a restart")
        #expect(
            text(ReloadReport(outcome: .wouldApply, changes: [Self.changes[3]]))
                == "~ services.web.retries.attempts: 2 -> 3\nwould apply: 1 change; nothing was done")
        #expect(text(ReloadReport(outcome: .unchanged)) == "nothing changed")
    }

    @Test("a refused file shows its problems")
    func refused() {
        let report = ReloadReport(
            outcome: .refused, problems: ["usher.yaml:3:5: a: unknown key", "usher.yaml:4:5: b: missing"])
        #expect(
            text(report) == """
                usher.yaml:3:5: a: unknown key
                usher.yaml:4:5: b: missing
                refused: 2 problems; what was in force stays
                """)
    }
}
