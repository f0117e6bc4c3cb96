internal import UsherCore

/// Puts judged candidates in order, the best one first, and says in words what follows.
struct Ranking {
    /// Hits and floors that are closer to the best ones are as good: the rest is chance, as is what peaks have above
    /// their floors.
    private static let hitsStep = 0.03
    private static let floorStep = 0.5
    /// A coarser key that would do but for so few requests, and with so many more hits, is worth a remark.
    private static let exceptionsMax = 0.1
    private static let hitsGainedMin = 0.1
    /// So are floors and shares of requests without the key beyond these.
    private static let floorMax = 1.25
    private static let missingMax = 0.001
    /// What `usher.yaml` may say of the copies of a hot key.
    private static let copiesRange = 2...256

    private let options: Advisor.Options
    private let lines: Int
    private let skipped: Int

    init(_ options: Advisor.Options, lines: Int, skipped: Int) {
        self.options = options
        self.lines = lines
        self.skipped = skipped
    }

    /// Of a log that tells of no request.
    var nothing: Advice {
        Advice(
            lines: lines, skipped: skipped, shards: options.shards, memoryBytes: options.memory.bytes, notes: [],
            candidates: [], configuration: [])
    }

    func advice(_ measures: [KeyMeasure], _ set: FieldSet, _ notes: EvidenceNotes) -> Advice {
        let keys = sorted(JudgedKey.judge(measures, set))
        var advice = nothing
        // The last candidate is the request as a whole.
        advice.candidates = keys.map { report($0).candidate(isWhole: $0.place == measures.count - 1) }
        advice.notes = notes.general
        guard let best = keys.first, best.verdict == .good else {
            advice.notes.append(
                "Every candidate gives different answers for the same key: log more of what they depend on.")
            return advice
        }
        advice.candidates[0].load = report(best).loads
        advice.notes += notes.open(about: best.key, best.finding) + remarks(advice.candidates[0])
        advice.notes += exceptions(keys, best)
        advice.configuration = configuration(best.key, advice.candidates[0])
        return advice
    }

    private func report(_ judged: JudgedKey) -> CandidateReport {
        CandidateReport(judged: judged, options: options)
    }

    // MARK: Order

    /// Good ones first, then those that only waste memory, then those that give wrong answers.
    private func sorted(_ keys: [JudgedKey]) -> [JudgedKey] {
        let numbers = keys.map { (hits: report($0).hitRatio.shards, floor: report($0).floor) }
        let good = zip(keys, numbers).filter { $0.0.verdict == .good }.map(\.1)
        let best = (hits: good.map(\.hits).max() ?? 1, floor: good.map(\.floor).min() ?? 1)
        let ranks = zip(keys, numbers).map { key, numbers in
            switch key.verdict {
            case .good:
                [
                    0, ((best.hits - numbers.hits) / Self.hitsStep).rounded(.down),
                    ((numbers.floor - best.floor) / Self.floorStep).rounded(.down),
                ]
            case .tooSpecific: [1, -numbers.hits, 0]
            case .tooGeneral: [2, key.finding.differing, 0]
            }
        }
        return keys.sorted { left, right in
            let (one, other) = (ranks[left.place], ranks[right.place])
            return one == other ? left.place < right.place : one.lexicographicallyPrecedes(other)
        }
    }

    // MARK: Words

    private func remarks(_ best: Advice.Candidate) -> [String] {
        var remarks: [String] = []
        if best.floor > Self.floorMax {
            remarks.append(
                "One key makes \(percent(best.topShare)) of the requests: no function brings the busiest of "
                    + "\(options.shards) shards below \(best.floor) times the mean; copies of hot keys do.")
        }
        if best.missingShare > Self.missingMax {
            remarks.append(
                "\(percent(best.missingShare)) of the requests have no such key: they are refused, or `missing:` names "
                    + "their shard.")
        }
        return remarks
    }

    /// What a few requests cost all others.
    private func exceptions(_ keys: [JudgedKey], _ best: JudgedKey) -> [String] {
        let hits = report(best).hitRatio.shards
        let coarser = keys.first { key in
            key.finding.isTooGeneral && key.finding.differing <= Self.exceptionsMax
                && key.key.isCoarser(than: best.key) && report(key).hitRatio.shards - hits >= Self.hitsGainedMin
        }
        guard let coarser else { return [] }
        return [
            "\(coarser.key.label) would do but for \(percent(coarser.finding.harm)) of the requests, with "
                + "\(percent(report(coarser).hitRatio.shards)) hits instead of \(percent(hits)): if no cache may keep "
                + "those answers (`private`), or they have a route of their own, use it."
        ]
    }

    private func configuration(_ key: CandidateKey, _ best: Advice.Candidate) -> [String] {
        var lines = ["sharded:", "  function: rendezvous"]
        if best.floor > Self.floorMax {
            // As many as bring the hottest key down to what a shard gets anyway.
            let wanted = Int(best.floor.rounded(.up))
            let copies = min(max(wanted, Self.copiesRange.lowerBound), Self.copiesRange.upperBound)
            lines.append("  hot-keys: { above: 10%, copies: \(copies), across: shards }")
        }
        if key.fields.contains(.country) {
            lines.append("  countries: \(CandidateKey.quoted(options.countriesFile ?? "countries.csv"))")
        }
        return lines + ["  \(key.line)"]
    }
}
