/// What `usher reload` prints: what differs, one setting a line, and what came of it.
package struct ReloadText {
    private let style: TextStyle

    /// A longer value of an added or removed setting is left out, for it is in the file. Unit: characters.
    private static let valueMax = 60

    package init(_ style: TextStyle) {
        self.style = style
    }

    package func text(_ report: ReloadReport) -> String {
        var lines = report.changes.map { line($0) }
        if report.outcome == .refused { lines += report.problems.map { TextStyle.printable($0) } }
        lines += report.notes.map { style.wrapped($0, indent: 0) }
        return (lines + [summary(report)]).joined(separator: "\n")
    }

    /// `~ services.web.retries.attempts: 2 -> 3`
    private func line(_ change: ReloadReport.Change) -> String {
        let path = TextStyle.printable(change.path)
        let old = change.old.map { TextStyle.printable($0) }
        let new = change.new.map { TextStyle.printable($0) }
        let what =
            switch (change.kind, old, new) {
            case (.changed, let old?, let new?): "\(path): \(old) -> \(new)"
            case (.added, _, let value?), (.removed, let value?, _):
                value.count <= Self.valueMax ? "\(path): \(value)" : path
            default: path
            }
        if change.needsRestart { return style.coloured("! \(what) (needs a restart)", .warning) }
        switch change.kind {
        case .added: return style.coloured("+ \(what)", .good)
        case .removed: return style.coloured("- \(what)", .bad)
        case .changed: return "~ \(what)"
        }
    }

    private func summary(_ report: ReloadReport) -> String {
        let waiting = report.changes.filter(\.needsRestart).count
        let restart = waiting > 0 ? ", \(waiting == 1 ? "1 needs" : "\(waiting) need") a restart" : ""
        switch report.outcome {
        case .applied: return "applied: \(Self.counted(report.changes.count, "change"))\(restart)"
        case .unchanged: return waiting > 0 ? "nothing else changed\(restart)" : "nothing changed"
        case .wouldApply:
            return "would apply: \(Self.counted(report.changes.count, "change"))\(restart); nothing was done"
        case .refused:
            let problems = Self.counted(report.problems.count, "problem")
            return style.coloured("refused: \(problems); what was in force stays", .bad)
        }
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
