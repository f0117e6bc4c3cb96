internal import UsherCore

/// What came of a run, with the unit in every name.
package struct LoadReport: Codable, Sendable, Hashable {
    package var url: String
    /// `HTTP/1.1` or `HTTP/2`.
    package var protocolName: String
    /// `closed` or `open`.
    package var loop: String
    /// What an open loop was asked for. Unit: requests per second.
    package var askedRate: Double?
    package var connections: Int
    /// Whether it was ended before its time.
    package var isInterrupted: Bool

    /// From the first request until the last one's end, without the warm-up.
    package var durationSeconds: Double
    /// Requests that ended, with an answer or without.
    package var requests: UInt64
    package var answers: UInt64
    /// By kind, all kinds listed: `connect`, `reset`, `timeout`, `malformed`, `status_5xx`.
    package var errors: [String: UInt64]
    /// The first error of each kind in words.
    package var errorReasons: [String: String]
    /// By class: `2xx`.
    package var statuses: [String: UInt64]
    package var connectionsOpened: UInt64

    /// Answers, whatever their status.
    package var ratePerSecond: Double
    /// Answers without those of 5xx and 429.
    package var goodRatePerSecond: Double
    package var bytesPerSecond: Double

    /// Latencies: so many of a hundred requests took no longer. Unit: milliseconds. Nil: nothing was measured.
    package var p50: Double?
    package var p90: Double?
    package var p99: Double?
    /// 99.9%
    package var p999: Double?
    package var maximum: Double?
    package var mean: Double?

    /// Of the answers that tell what Usher's cache did; empty when none does.
    package var cache: [String: UInt64]
    /// Range: 0...1. Nil when no answer tells.
    package var hitRatio: Double?
    /// Requests that reached the service behind the cache. Nil when no answer tells.
    package var originRatePerSecond: Double?

    enum CodingKeys: String, CodingKey {
        case url, loop, connections, requests, answers, errors, statuses, cache
        case protocolName = "protocol"
        case askedRate = "asked_rate_per_second"
        case isInterrupted = "interrupted"
        case durationSeconds = "duration_seconds"
        case errorReasons = "error_reasons"
        case connectionsOpened = "connections_opened"
        case ratePerSecond = "rate_per_second"
        case goodRatePerSecond = "good_rate_per_second"
        case bytesPerSecond = "bytes_per_second"
        case p50 = "p50_ms"
        case p90 = "p90_ms"
        case p99 = "p99_ms"
        case p999 = "p99_9_ms"
        case maximum = "max_ms"
        case mean = "mean_ms"
        case hitRatio = "hit_ratio"
        case originRatePerSecond = "origin_rate_per_second"
    }

    /// - Parameter duration: for which the tally was kept.
    package init(_ tally: LoadTally, plan: LoadPlan, duration: Duration, isInterrupted: Bool = false) {
        let seconds = max(Double(duration.nanosecondsClamped) / 1e9, 1e-9)
        func perSecond(_ count: UInt64) -> Double { (Double(count) / seconds * 100).rounded() / 100 }
        url = plan.server.origin + (plan.targets.distinct.first?.target ?? "/")
        protocolName = plan.isHTTP2 ? "HTTP/2" : "HTTP/1.1"
        switch plan.pace {
        case .closed: (loop, askedRate) = ("closed", nil)
        case .open(let rate, _): (loop, askedRate) = ("open", rate.perSecond)
        }
        connections = plan.connections
        self.isInterrupted = isInterrupted
        durationSeconds = (seconds * 1000).rounded() / 1000
        requests = tally.requests
        answers = tally.answers
        var errors: [String: UInt64] = ["status_5xx": tally.statuses[5]]
        for failure in LoadFailure.allCases { errors[failure.rawValue] = tally.failures[failure] ?? 0 }
        self.errors = errors
        errorReasons = Dictionary(uniqueKeysWithValues: tally.reasons.map { ($0.key.rawValue, $0.value) })
        var statuses: [String: UInt64] = [:]
        for (digit, count) in tally.statuses.enumerated() where count > 0 {
            statuses[digit == 0 ? "other" : "\(digit)xx"] = count
        }
        self.statuses = statuses
        connectionsOpened = tally.connectionsOpened
        ratePerSecond = perSecond(tally.answers)
        goodRatePerSecond = perSecond(tally.good)
        bytesPerSecond = perSecond(tally.bytes)
        p50 = tally.latencies.percentile(50)
        p90 = tally.latencies.percentile(90)
        p99 = tally.latencies.percentile(99)
        p999 = tally.latencies.percentile(99.9)
        maximum = tally.latencies.maximum
        mean = tally.latencies.mean
        cache = Dictionary(uniqueKeysWithValues: tally.cache.map { ($0.key.rawValue, $0.value) })
        if tally.cacheAnswers > 0 {
            let hits = tally.cache[.hit] ?? 0
            hitRatio = (Double(hits) / Double(tally.cacheAnswers) * 10_000).rounded() / 10_000
            originRatePerSecond = perSecond(tally.forwarded)
        }
    }

    /// Whether there was any answer at all.
    package var isAnswered: Bool { answers > 0 }

    /// Requests without a use for who asked: failures, 5xx and 429. Range: 0...1.
    package var failedShare: Double {
        guard requests > 0 else { return 0 }
        let good = goodRatePerSecond * durationSeconds
        return min(max(0, 1 - good / Double(requests)), 1)
    }
}
