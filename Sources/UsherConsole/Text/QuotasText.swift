/// What `usher quotas` prints.
package struct QuotasText {
    private let style: TextStyle
    private let time: LocalTime

    package init(_ style: TextStyle, time: LocalTime = LocalTime()) {
        self.style = style
        self.time = time
    }

    package func text(_ quotas: [QuotaReport]) -> String {
        guard !quotas.isEmpty else { return "No quotas: the configuration has none." }
        return quotas.map(text).joined(separator: "\n\n")
    }

    private func text(_ quota: QuotaReport) -> String {
        var lines = [heading(quota)]
        for total in quota.classes { lines.append("  " + Self.sentence(total)) }
        guard !quota.callers.isEmpty else {
            return (lines + ["  nobody has asked it yet"]).joined(separator: "\n")
        }
        var table = TextTable([
            .init(title: "CALLER"), .init(title: "CLASS"), .init(title: "REQUESTS", alignment: .right),
            .init(title: "REFUSED", alignment: .right), .init(title: "FIRST SEEN"), .init(title: "LAST SEEN"),
        ])
        for caller in quota.callers {
            table.add([
                .init(caller.caller), .init(caller.callerClass),
                .init((caller.error > 0 ? "<=" : "") + "\(caller.requests)"),
                .init("\(caller.refused)", caller.refused > 0 ? .warning : .none), .init(time.text(caller.firstSeen)),
                .init(time.text(caller.lastSeen)),
            ])
        }
        lines += ["", table.text(style)]
        return lines.joined(separator: "\n")
    }

    private func heading(_ quota: QuotaReport) -> String {
        var line = quota.name
        if quota.dryRun { line += ", a dry run: nothing is refused" }
        if quota.store != "local" { line += ", counted in \(quota.store)" }
        guard let problem = quota.storeProblem else { return line }
        return line + ", " + style.coloured("which does not answer: \(problem)", .bad)
    }

    private static func sentence(_ total: QuotaReport.ClassTotal) -> String {
        var parts = ["\(total.allowed) allowed", "\(total.refused) refused"]
        if total.wouldRefuse > 0 { parts.append("\(total.wouldRefuse) would have been refused") }
        if total.storeFailed > 0 { parts.append("\(total.storeFailed) without an answer of the store") }
        return "\(total.callerClass): \(parts.joined(separator: ", "))"
    }
}
