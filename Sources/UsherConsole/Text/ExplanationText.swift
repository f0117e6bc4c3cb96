/// What `usher explain` prints: the phases of the request's path, and what was found of each replica.
package struct ExplanationText {
    private let style: TextStyle

    /// Replicas that are shown; the rest is in the JSON.
    private static let endpointsMax = 20
    /// The phases' names stand in a column of this width.
    private static let nameWidth = 8

    package init(_ style: TextStyle) {
        self.style = style
    }

    /// - Parameter source: who said so, in brackets behind the request.
    package func text(_ explanation: Explanation, source: String) -> String {
        var lines = ["\(explanation.method) \(explanation.url)  (\(source))"]
        for phase in explanation.phases { lines.append(line(phase.phase, phase.decision)) }
        if let session = explanation.session { lines.append(line("session", session)) }
        guard !explanation.endpoints.isEmpty else { return lines.joined(separator: "\n") }
        var table = TextTable([.init(title: "REPLICA"), .init(title: "VERDICT"), .init(title: "WHY")])
        // Those of one verdict in the order of the configuration.
        let sorted = [Explanation.Verdict.chosen, .notChosen, .out].flatMap { verdict in
            explanation.endpoints.filter { $0.verdict == verdict }
        }
        for endpoint in sorted.prefix(Self.endpointsMax) {
            table.add([
                .init(endpoint.address), .init(endpoint.verdict.rawValue, Self.colour(endpoint.verdict)),
                .init(endpoint.why),
            ])
        }
        lines += ["", table.text(style)]
        let more = sorted.count - Self.endpointsMax
        if more > 0 { lines.append("\(more) more are shown by --json.") }
        return lines.joined(separator: "\n")
    }

    private func line(_ name: String, _ decision: String) -> String {
        let padding = String(repeating: " ", count: max(0, Self.nameWidth - name.count))
        return "  \(name)\(padding) " + style.wrapped(decision, indent: Self.nameWidth + 3)
    }

    private static func colour(_ verdict: Explanation.Verdict) -> TextColour {
        switch verdict {
        case .chosen: .good
        case .notChosen: .none
        case .out: .bad
        }
    }
}
