/// A candidate with what was measured of it and what follows from comparing it with the others.
struct JudgedKey {
    let measure: KeyMeasure
    let finding: AnswerFinding
    /// Its place among the candidates, which are in the order of preference.
    let place: Int
    private(set) var verdict = Advice.Verdict.good
    /// Why, in a sentence.
    private(set) var reason = ""
    /// How many keys stand for one of the coarsest key that will do, and the hits which that costs without bounds.
    private(set) var duplication = 1.0
    private(set) var hitsLost = 0.0

    var key: CandidateKey { measure.key }

    /// A key is too specific when it has so many keys for one of a coarser key that will do, …
    private static let duplicationMax = 1.2
    /// … or when it loses that part of a boundless cache's hits.
    private static let hitsLostMax = 0.02
    /// Counts of different keys that are closer may be the same.
    private static let sampleError = 1.1
    /// Different paths are different things unless their answers say otherwise: a key without the path whose answers
    /// differ more often is too general, whatever else may explain it.
    private static let differingWithoutPathMax = 0.5
    /// A key is too general, too, when its answers are the same less than so often as another key's are, and that one
    /// repeats often enough to say so.
    private static let steadinessMin = 0.4
    private static let repeatsMin = 50

    /// Judges candidates, which come in the order of preference.
    static func judge(_ measures: [KeyMeasure], _ set: FieldSet) -> [JudgedKey] {
        var keys = measures.enumerated().map { place, measure in
            JudgedKey(measure: measure, finding: AnswerFinding(measure.answers.counts, set), place: place)
        }
        for index in keys.indices { keys[index].judgeAnswers() }
        let tested = keys.filter { $0.verdict == .good && $0.finding.repeats >= repeatsMin }
        if let steady = tested.min(by: { $0.finding.differing < $1.finding.differing }) {
            for index in keys.indices { keys[index].judgeAnswers(by: steady) }
        }
        for index in keys.indices {
            let coarser = keys.filter { $0.verdict != .tooGeneral && $0.key.isCoarser(than: keys[index].key) }
            guard let least = coarser.map(\.measure.cache.distinct).min() else { continue }
            // Of those that differ by no more than the sample may, the one that is preferred.
            let base = coarser.first { $0.measure.cache.distinct <= least * sampleError }
            if let base { keys[index].judgeDuplication(of: base) }
        }
        return keys
    }

    private init(measure: KeyMeasure, finding: AnswerFinding, place: Int) {
        self.measure = measure
        self.finding = finding
        self.place = place
    }

    private mutating func judgeAnswers() {
        if finding.isTooGeneral {
            verdict = .tooGeneral
            reason =
                "the same key gets different answers in \(percent(finding.harm)) of the requests; "
                + "\(finding.cause?.label ?? "") explains \(percent(finding.explained)) of that"
        } else if !key.fields.contains(.path), finding.differing > Self.differingWithoutPathMax {
            verdict = .tooGeneral
            reason =
                "the same key gets different answers in \(percent(finding.differing)) of \(finding.repeats) "
                + "repeated requests"
        } else if finding.repeats > 0 {
            reason =
                "the same key gets the same answer in \(percent(1 - finding.differing)) of \(finding.repeats) "
                + "repeated requests"
        } else {
            reason = "no key comes twice"
        }
    }

    /// Where several fields together say what the answer is, none of them alone explains the differences.
    private mutating func judgeAnswers(by steady: JudgedKey) {
        let isSteady = 1 - finding.differing >= Self.steadinessMin * (1 - steady.finding.differing)
        guard verdict == .good, !isSteady else { return }
        verdict = .tooGeneral
        reason =
            "the same key gets different answers in \(percent(finding.differing)) of the requests; with "
            + "\(steady.key.label) in \(percent(steady.finding.differing))"
    }

    private mutating func judgeDuplication(of base: JudgedKey) {
        let (count, fewer) = (measure.cache.distinct, base.measure.cache.distinct)
        guard verdict == .good, measure.cache.requests > 0, fewer > 0 else { return }
        duplication = max(1, count / fewer)
        hitsLost = min(max(0, (count - fewer) / measure.cache.requests), 1)
        let isWasteful = duplication >= Self.sampleError && hitsLost >= Self.hitsLostMax
        guard duplication >= Self.duplicationMax || isWasteful else {
            if duplication < Self.sampleError, base.place < place {
                reason = "tells no more apart than \(base.key.label)"
            }
            return
        }
        verdict = .tooSpecific
        reason =
            "\(base.key.label) gives the same answers with \(Self.factor(duplication)) times fewer keys and "
            + "\(percent(hitsLost)) more hits"
    }

    private static func factor(_ number: Double) -> String {
        let tenths = Int((min(number, 1e9) * 10).rounded())
        return number < 10 ? "\(tenths / 10).\(tenths % 10)" : "\(tenths / 10)"
    }
}
