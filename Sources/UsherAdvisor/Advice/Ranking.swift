internal import UsherCore

/// Judges what was measured of all candidates, and puts the best one first.
struct Ranking {
    /// A candidate with what follows from comparing it with the others.
    private struct Judged {
        var measure: KeyMeasure
        var finding: AnswerFinding
        var verdict = Advice.Verdict.good
        var reason = ""
        var duplication = 1.0
        var hitsLost = 0.0
        /// Its place among the candidates, which are in the order of preference.
        var place: Int
        /// The last of them: everything that the log tells of a request.
        var isWhole: Bool
    }

    /// A key is too specific when it has so many keys for one of a coarser key that will do, …
    private static let duplicationMax = 1.2
    /// … or when it loses that part of a boundless cache's hits.
    private static let hitsLostMax = 0.02
    /// Counts of different keys that are closer may be the same.
    private static let sampleError = 1.1
    /// A key is too general, too, when its answers are the same less than so often as another key's are, and that one
    /// repeats often enough to say so.
    private static let steadinessMin = 0.4
    private static let repeatsMin = 50
    /// Hits and floors that are closer to the best ones are as good: the rest is chance, as is what peaks have above
    /// their floors.
    private static let hitsStep = 0.03
    private static let floorStep = 0.5
    /// Peaks beyond it are worth a remark.
    private static let floorMax = 1.25

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
        var all = measures.enumerated().map { place, measure in
            Judged(
                measure: measure, finding: AnswerFinding(measure.answers.counts, set), place: place,
                isWhole: place == measures.count - 1)
        }
        judge(&all)
        sort(&all)
        var candidates = all.map(candidate)
        var advice = nothing
        advice.notes = notes.general
        if let best = all.first, best.verdict == .good {
            candidates[0].load = loads(best.measure)
            advice.notes += notes.open(about: best.measure.key, best.finding) + remarks(candidates[0])
            advice.configuration = configuration(best.measure.key, candidates[0])
        } else {
            advice.notes.append(
                "Every candidate gives different answers for the same key: log more of what they depend on.")
        }
        advice.candidates = candidates
        return advice
    }

    // MARK: Verdicts

    private func judge(_ all: inout [Judged]) {
        for index in all.indices where all[index].finding.isTooGeneral {
            let finding = all[index].finding
            all[index].verdict = .tooGeneral
            all[index].reason =
                "the same key gets different answers in \(percent(finding.harm)) of the requests; "
                + "\(finding.cause?.label ?? "") explains \(percent(finding.explained)) of that"
        }
        judgeByOthers(&all)
        for index in all.indices where all[index].verdict == .good {
            let key = all[index].measure.key
            let coarser = all.filter { $0.verdict != .tooGeneral && $0.measure.key.isCoarser(than: key) }
            guard let least = coarser.map(\.measure.cache.distinct).min() else { continue }
            // Of those that differ by no more than the sample may, the one that is preferred.
            let base = coarser.first { $0.measure.cache.distinct <= least * Self.sampleError }
            if let base { compare(&all[index], with: base) }
        }
        for index in all.indices where all[index].verdict == .good {
            all[index].reason = reason(all[index])
        }
    }

    /// Where several fields together say what the answer is, none of them alone explains the differences.
    private func judgeByOthers(_ all: inout [Judged]) {
        let tested = all.filter { $0.verdict == .good && $0.finding.repeats >= Self.repeatsMin }
        guard let steady = tested.min(by: { $0.finding.differing < $1.finding.differing }) else { return }
        for index in all.indices where all[index].verdict == .good {
            let differing = all[index].finding.differing
            guard 1 - differing < Self.steadinessMin * (1 - steady.finding.differing) else { continue }
            all[index].verdict = .tooGeneral
            all[index].reason =
                "the same key gets different answers in \(percent(differing)) of the requests; "
                + "with \(steady.measure.key.label) in \(percent(steady.finding.differing))"
        }
    }

    private func compare(_ judged: inout Judged, with base: Judged) {
        let cache = judged.measure.cache
        let more = cache.distinct - base.measure.cache.distinct
        guard cache.requests > 0, base.measure.cache.distinct > 0 else { return }
        judged.duplication = max(1, cache.distinct / base.measure.cache.distinct)
        judged.hitsLost = min(max(0, more / cache.requests), 1)
        let isWasteful = judged.duplication >= Self.sampleError && judged.hitsLost >= Self.hitsLostMax
        guard judged.duplication >= Self.duplicationMax || isWasteful else { return }
        judged.verdict = .tooSpecific
        judged.reason =
            "\(base.measure.key.label) gives the same answers with "
            + "\(times(judged.duplication)) fewer keys; that is \(percent(judged.hitsLost)) more hits"
    }

    private func reason(_ judged: Judged) -> String {
        guard judged.finding.repeats > 0 else { return "no key comes twice" }
        let same = percent(1 - judged.finding.differing)
        return "the same key gets the same answer in \(same) of \(judged.finding.repeats) repeated requests"
    }

    // MARK: Order

    /// Good ones first, then those that only waste memory, then those that give wrong answers.
    private func sort(_ all: inout [Judged]) {
        let hits = all.map { hitRatio($0.measure).shards }
        let floors = all.map { floor($0.measure) }
        let bestHits = zip(all, hits).filter { $0.0.verdict == .good }.map(\.1).max() ?? 1
        let bestFloor = zip(all, floors).filter { $0.0.verdict == .good }.map(\.1).min() ?? 1
        // By place, which is the order in which they came.
        let ranks = all.map { judged in
            switch judged.verdict {
            case .good:
                [
                    0, ((bestHits - hits[judged.place]) / Self.hitsStep).rounded(.down),
                    ((floors[judged.place] - bestFloor) / Self.floorStep).rounded(.down),
                ]
            case .tooSpecific: [1, -hits[judged.place], 0]
            case .tooGeneral: [2, judged.finding.differing, 0]
            }
        }
        all.sort { left, right in
            let (one, other) = (ranks[left.place], ranks[right.place])
            return one == other ? left.place < right.place : one.lexicographicallyPrecedes(other)
        }
    }

    // MARK: Numbers

    private func candidate(_ judged: Judged) -> Advice.Candidate {
        let measure = judged.measure
        let top = measure.mostFrequent(5)
        return Advice.Candidate(
            key: measure.key.text, verdict: judged.verdict, reason: judged.reason,
            distinctKeys: Int(measure.cache.distinct), missingShare: share(measure.missing, of: lines - skipped),
            answers: Advice.Answers(
                compared: judged.finding.repeats, differing: rounded(judged.finding.differing),
                explained: rounded(judged.finding.explained), cause: judged.finding.cause?.label,
                duplication: rounded(judged.duplication), hitsLost: rounded(judged.hitsLost)),
            hitRatio: hitRatio(measure),
            balance: (options.shards...2 * options.shards).map { balance(measure, $0) },
            worstMinute: measure.minutes.worst > 0 ? rounded(measure.minutes.worst) : nil,
            topShare: rounded(top.first?.share ?? 0), floor: rounded(floor(measure)),
            resize: resize(measure), top: top.map { .init(share: rounded($0.share), value: $0.value) }, load: nil,
            label: judged.isWhole ? "the request as a whole" : measure.key.label)
    }

    private func hitRatio(_ measure: KeyMeasure) -> Advice.HitRatio {
        func ratio(_ distances: StackDistances, _ memory: Double) -> Double {
            rounded(distances.curve.hitRatio(memory: memory, requests: distances.requests))
        }
        let memory = Double(options.memory.bytes)
        return Advice.HitRatio(
            one: ratio(measure.cache, memory), shards: ratio(measure.cache, memory * Double(options.shards)),
            replicas: ratio(measure.replica, memory), unlimited: ratio(measure.cache, .greatestFiniteMagnitude))
    }

    /// The least peak-to-mean that any function reaches: a key cannot be split.
    private func floor(_ measure: KeyMeasure) -> Double {
        max(1, Double(options.shards) * (measure.mostFrequent(1).first?.share ?? 0))
    }

    private func balance(_ measure: KeyMeasure, _ shards: Int) -> Advice.Balance {
        func peak(_ amount: KeyPath<LoadMap.Load, Int>) -> Double? {
            measure.load.total[keyPath: amount] > 0 ? rounded(measure.load.peakToMean(shards, amount)) : nil
        }
        return Advice.Balance(
            shards: shards, requests: peak(\.requests) ?? 1, bytes: peak(\.bytes), seconds: peak(\.microseconds))
    }

    private func resize(_ measure: KeyMeasure) -> Advice.Resize {
        func cold(_ shards: Int, _ amount: KeyPath<LoadMap.Load, Int>) -> Advice.Cold {
            let mean = 1 / Double(shards)
            return .init(
                expected: rounded(mean), worst: rounded(min(measure.load.peakToMean(shards, amount) * mean, 1)))
        }
        let added = options.shards + 1
        return Advice.Resize(
            addingRequests: cold(added, \.requests), addingBytes: cold(added, \.bytes),
            losingRequests: cold(options.shards, \.requests), losingBytes: cold(options.shards, \.bytes),
            refill: Int(measure.cache.distinct / Double(added)),
            refillBytes: Int(
                min(measure.cache.distinctBytes, Double(options.memory.bytes) * Double(options.shards)) / Double(added))
        )
    }

    private func loads(_ measure: KeyMeasure) -> [Advice.ShardLoad] {
        measure.load.shards(options.shards).enumerated().map { index, load in
            .init(
                shard: "s\(index)", requests: load.requests, bytes: load.bytes,
                seconds: rounded(Double(load.microseconds) / 1e6))
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
        if best.missingShare > 0.001 {
            remarks.append(
                "\(percent(best.missingShare)) of the requests have no such key: they are refused, or `missing:` names "
                    + "their shard.")
        }
        return remarks
    }

    private func configuration(_ key: CandidateKey, _ best: Advice.Candidate) -> [String] {
        var lines = ["sharded:", "  function: rendezvous"]
        if best.floor > Self.floorMax { lines.append("  hot-keys: { above: 10%, copies: 2 }") }
        if key.fields.contains(.country), let file = options.countriesFile { lines.append("  countries: \(file)") }
        return lines + ["  \(key.line)"]
    }

    private func times(_ factor: Double) -> String {
        let tenths = Int((min(factor, 1e9) * 10).rounded())
        return factor < 10 ? "\(tenths / 10).\(tenths % 10) times" : "\(tenths / 10) times"
    }

    private func rounded(_ number: Double) -> Double {
        (number * 10_000).rounded() / 10_000
    }

    private func share(_ part: Int, of whole: Int) -> Double {
        whole > 0 ? rounded(Double(part) / Double(whole)) : 0
    }
}
