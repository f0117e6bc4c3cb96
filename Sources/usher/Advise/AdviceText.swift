import UsherAdvisor
import UsherConsole
import UsherLoad

/// An advice for people: a ranking, a picture of the best key's load, and what to put into `usher.yaml`.
struct AdviceText {
    /// Candidates that are shown; `--json` has all.
    private static let candidatesShown = 12
    private static let keyWidth = 44
    private static let barWidth = 40

    private let style: TextStyle

    init(_ style: TextStyle) {
        self.style = style
    }

    /// Ends with the `key:` line, when a key can be recommended.
    func text(_ advice: Advice) -> String {
        var parts = [self.style.sentence(Self.summary(advice)), self.ranking(advice)]
        if let best = advice.candidates.first, let load = best.load {
            parts += [self.facts(best, advice), self.picture(load, best)]
            if best.top.contains(where: { $0.value != nil }) { parts.append(self.frequent(best)) }
        }
        if !advice.notes.isEmpty { parts.append(advice.notes.map(self.style.sentence).joined(separator: "\n")) }
        if !advice.configuration.isEmpty {
            let lines = ["Into the service in usher.yaml:", ""] + advice.configuration.map { "    " + $0 }
            parts.append(lines.joined(separator: "\n"))
        }
        return parts.joined(separator: "\n\n")
    }

    private static func summary(_ advice: Advice) -> String {
        let skipped = advice.skipped == 0 ? "" : " (\(Self.count(advice.skipped)) not understood and left out)"
        return "\(Self.count(advice.lines)) lines\(skipped), for \(advice.shards) shards with "
            + "\(CachesText.bytes(advice.memoryBytes)) of cache each:"
    }

    // MARK: Ranking

    private func ranking(_ advice: Advice) -> String {
        var table = TextTable([
            .init(title: "VERDICT"), .init(title: "KEY"), .init(title: "KEYS", alignment: .right),
            .init(title: "HITS", alignment: .right), .init(title: "PEAK", alignment: .right),
            .init(title: "BYTES", alignment: .right), .init(title: "TIME", alignment: .right),
        ])
        for candidate in advice.candidates.prefix(Self.candidatesShown) {
            let balance = candidate.balance.first
            table.add([
                .init(candidate.verdict.rawValue, Self.colour(candidate.verdict)), .init(Self.cut(candidate.label)),
                .init(Self.count(candidate.distinctKeys)),
                // Hits with somebody else's answer are none.
                .init(candidate.verdict == .tooGeneral ? "-" : NumberText.percent(candidate.hitRatio.shards)),
                .init(Self.factor(balance?.requests)), .init(Self.factor(balance?.bytes)),
                .init(Self.factor(balance?.seconds)),
            ])
            table.addNote(.init(candidate.reason, .faint), at: 1)
        }
        let rest = advice.candidates.count - Self.candidatesShown
        let more = rest > 0 ? "\n\(rest) more with --json." : ""
        return table.text(self.style) + more
    }

    private static func colour(_ verdict: Advice.Verdict) -> TextColour {
        switch verdict {
        case .good: .good
        case .tooSpecific: .warning
        case .tooGeneral: .bad
        }
    }

    // MARK: The best one

    private func facts(_ best: Advice.Candidate, _ advice: Advice) -> String {
        let (hits, resize, count) = (best.hitRatio, best.resize, advice.shards)
        let peak = best.balance.map(\.requests).max() ?? 1
        var balance =
            "Balance: the busiest of \(count) to \(2 * count) shards gets up to \(Self.factor(peak)) times the mean"
        if let worst = best.worstMinute {
            balance += ", and \(Self.factor(worst)) times in the worst minute with \(count)"
        }
        if best.floor > 1 { balance += "; no function can beat \(Self.factor(best.floor)) with \(count)" }
        let lines = [
            "Hits: \(NumberText.percent(hits.shards)) with \(count) shards, \(NumberText.percent(hits.one)) with one "
                + "cache, \(NumberText.percent(hits.replicas)) with \(count) caches that get requests by chance, "
                + "\(NumberText.percent(hits.unlimited)) with memory without end.",
            balance + ".",
            "One shard more leaves \(Self.cold(resize.addingRequests)) of the requests and "
                + "\(Self.cold(resize.addingBytes)) of the bytes cold: \(Self.count(resize.refill)) answers, "
                + "\(CachesText.bytes(resize.refillBytes)), to fetch again. A lost one leaves "
                + "\(Self.cold(resize.losingRequests)) and \(Self.cold(resize.losingBytes)).",
        ]
        return lines.map(self.style.sentence).joined(separator: "\n")
    }

    private func picture(_ load: [Advice.PartLoad], _ best: Advice.Candidate) -> String {
        let total = max(load.reduce(0) { $0 + $1.requests }, 1)
        let peak = max(load.map(\.requests).max() ?? 1, 1)
        let width = "part \(load.count)".count
        let bars = load.map { part in
            let filled = Int((Double(part.requests) / Double(peak) * Double(Self.barWidth)).rounded())
            let name = "part \(part.part)"
            let space = String(repeating: " ", count: width - name.count)
            let bar = String(repeating: "#", count: filled) + String(repeating: " ", count: Self.barWidth - filled)
            return "  \(name)\(space)  \(bar)  \(NumberText.percent(Double(part.requests) / Double(total))) "
                + "of the requests, \(CachesText.bytes(part.bytes))"
        }
        let title = "Load of equal parts of the keys, one a shard, by \(Self.cut(best.label)):"
        return ([title] + bars).joined(separator: "\n")
    }

    private func frequent(_ best: Advice.Candidate) -> String {
        var table = TextTable([.init(title: "SHARE", alignment: .right), .init(title: "MOST FREQUENT KEYS")])
        for key in best.top { table.add([.init(NumberText.percent(key.share)), .init(key.value ?? "")]) }
        return table.text(self.style)
    }

    // MARK: Words

    private static func cut(_ label: String) -> String {
        label.count <= keyWidth ? label : label.prefix(keyWidth - 1) + "…"
    }

    private static func count(_ number: Int) -> String { NumberText.grouped(UInt64(clamping: number)) }

    private static func factor(_ number: Double?) -> String {
        number.map { NumberText.fixed($0, decimals: 2) } ?? "-"
    }

    private static func cold(_ cold: Advice.Cold) -> String {
        "\(NumberText.percent(cold.expected)) (at worst \(NumberText.percent(cold.worst)))"
    }
}
