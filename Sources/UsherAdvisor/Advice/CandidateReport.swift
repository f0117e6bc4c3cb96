internal import UsherCore

/// The numbers of one candidate, as the advice tells them.
struct CandidateReport {
    /// Keys that are named as the most frequent ones.
    private static let topCount = 5

    let judged: JudgedKey
    let options: Advisor.Options

    private var measure: KeyMeasure { judged.measure }

    /// - Parameter isWhole: it is everything that the log tells of a request.
    func candidate(isWhole: Bool) -> Advice.Candidate {
        let top = measure.mostFrequent(Self.topCount)
        let sums = measure.load.sums
        return Advice.Candidate(
            key: judged.key.text, verdict: judged.verdict, reason: judged.reason,
            distinctKeys: Int(measure.cache.distinct), missingShare: missingShare,
            answers: Advice.Answers(
                compared: judged.finding.repeats, differing: rounded(judged.finding.differing),
                explained: rounded(judged.finding.explained), cause: judged.finding.cause?.label,
                duplication: rounded(judged.duplication), hitsLost: rounded(judged.hitsLost)),
            hitRatio: hitRatio, balance: (options.shards...2 * options.shards).map { balance($0, sums) },
            worstMinute: measure.minutes.worst > 0 ? rounded(measure.minutes.worst) : nil,
            topShare: rounded(top.first?.share ?? 0), floor: floor, resize: resize(sums),
            top: top.map { .init(share: rounded($0.share), value: $0.value) }, load: nil,
            label: isWhole ? "the request as a whole" : judged.key.label)
    }

    var hitRatio: Advice.HitRatio {
        func ratio(_ distances: StackDistances, _ memory: Double) -> Double {
            rounded(distances.curve.hitRatio(memory: memory, requests: distances.requests))
        }
        let memory = Double(options.memory.bytes)
        return Advice.HitRatio(
            one: ratio(measure.cache, memory), shards: ratio(measure.cache, memory * Double(options.shards)),
            replicas: ratio(measure.replica, memory), unlimited: ratio(measure.cache, .greatestFiniteMagnitude))
    }

    /// The least peak-to-mean that any function reaches: a key cannot be split.
    var floor: Double {
        rounded(max(1, Double(options.shards) * (measure.mostFrequent(1).first?.share ?? 0)))
    }

    /// What each of as many equal parts of the keys as there are shards gets.
    var loads: [Advice.PartLoad] {
        measure.load.sums.shards(options.shards).enumerated().map { index, load in
            .init(
                part: index + 1, requests: load.requests, bytes: load.bytes,
                seconds: rounded(Double(load.microseconds) / 1e6))
        }
    }

    private var missingShare: Double {
        let requests = measure.load.total.requests
        return requests > 0 ? rounded(Double(measure.missing) / Double(requests)) : 0
    }

    private func balance(_ shards: Int, _ sums: LoadSums) -> Advice.Balance {
        func peak(_ amount: KeyPath<LoadMap.Load, Int>) -> Double? {
            measure.load.total[keyPath: amount] > 0 ? rounded(sums.peakToMean(shards, amount)) : nil
        }
        return Advice.Balance(
            shards: shards, requests: peak(\.requests) ?? 1, bytes: peak(\.bytes), seconds: peak(\.microseconds))
    }

    private func resize(_ sums: LoadSums) -> Advice.Resize {
        func cold(_ shards: Int, _ amount: KeyPath<LoadMap.Load, Int>) -> Advice.Cold {
            let peak = sums.peakToMean(shards, amount)
            return .init(expected: rounded(1 / Double(shards)), worst: rounded(min(peak / Double(shards), 1)))
        }
        let added = options.shards + 1
        // No more is lost than there was room for; an exbibyte is beyond any.
        let room = min(Double(options.memory.bytes) * Double(options.shards), 0x1p60)
        let kept = min(measure.cache.distinctBytes, room)
        return Advice.Resize(
            addingRequests: cold(added, \.requests), addingBytes: cold(added, \.bytes),
            losingRequests: cold(options.shards, \.requests), losingBytes: cold(options.shards, \.bytes),
            refill: Int(measure.cache.distinct / Double(added)), refillBytes: Int(kept / Double(added)))
    }

    private func rounded(_ number: Double) -> Double {
        (number * 10_000).rounded() / 10_000
    }
}
