package import UsherCore

/// Why a request had no answer.
package enum LoadFailure: String, Sendable, Hashable, CaseIterable {
    /// There was no connection to send it on: refused, unreachable, no TLS.
    case connect
    /// The connection, or the stream, ended before the answer was complete.
    case reset
    /// The answer was not complete in time.
    case timeout
    /// What came was no answer of the protocol.
    case malformed
}

/// What came of the requests of one worker; several add up to those of a run.
///
/// Latencies are those of all answers, and the ages of requests that timed out: a percentile that leaves out who
/// waited in vain tells of a faster server than there is.
package struct LoadTally: Sendable {
    /// Requests that were answered, whatever the status.
    package private(set) var answers: UInt64 = 0
    /// By the status' first digit, 1 to 5; others under 0.
    package private(set) var statuses = [UInt64](repeating: 0, count: 6)
    /// Answers with 429, which a server that limits its callers gives.
    package private(set) var tooMany: UInt64 = 0
    package private(set) var failures: [LoadFailure: UInt64] = [:]
    /// The first failure of each kind in words.
    package private(set) var reasons: [LoadFailure: String] = [:]
    package private(set) var cache: [CacheOutcome: UInt64] = [:]
    /// Received in answers. Unit: bytes, as the protocol needs them, TLS aside.
    package private(set) var bytes: UInt64 = 0
    package private(set) var connectionsOpened: UInt64 = 0
    package private(set) var latencies = LatencyHistogram()
    /// When the last of the requests ended.
    package private(set) var lastEnd = MonotonicTime.start

    package init() {}

    package mutating func countAnswer(
        status: Int, bytes count: Int, cache outcome: CacheOutcome?, nanoseconds: UInt64, at end: MonotonicTime
    ) {
        answers &+= 1
        statuses[(100...599).contains(status) ? status / 100 : 0] &+= 1
        if status == 429 { tooMany &+= 1 }
        if let outcome { cache[outcome, default: 0] &+= 1 }
        bytes &+= UInt64(clamping: count)
        latencies.record(nanoseconds: nanoseconds)
        lastEnd = end
    }

    /// - Parameter reason: a few words for a person; only the first of each kind is kept.
    package mutating func countFailure(
        _ failure: LoadFailure, reason: String, nanoseconds: UInt64, at end: MonotonicTime
    ) {
        failures[failure, default: 0] &+= 1
        if reasons[failure] == nil { reasons[failure] = reason }
        if failure == .timeout { latencies.record(nanoseconds: nanoseconds) }
        lastEnd = end
    }

    package mutating func countConnection() {
        connectionsOpened &+= 1
    }

    package mutating func merge(_ other: LoadTally) {
        answers &+= other.answers
        for index in statuses.indices { statuses[index] &+= other.statuses[index] }
        tooMany &+= other.tooMany
        failures.merge(other.failures) { $0 &+ $1 }
        reasons.merge(other.reasons) { first, _ in first }
        cache.merge(other.cache) { $0 &+ $1 }
        bytes &+= other.bytes
        connectionsOpened &+= other.connectionsOpened
        latencies.merge(other.latencies)
        lastEnd = max(lastEnd, other.lastEnd)
    }

    // MARK: Sums

    /// Requests that ended without an answer.
    package var failed: UInt64 { failures.values.reduce(0, &+) }
    /// All requests that ended.
    package var requests: UInt64 { answers &+ failed }
    /// Failures, and answers that say that the server failed.
    package var errors: UInt64 { failed &+ statuses[5] }
    /// Answers that a user can do something with: those that neither fail (5xx) nor turn the caller away (429).
    package var good: UInt64 { answers &- statuses[5] &- tooMany }
    /// Answers that tell what Usher's cache did.
    package var cacheAnswers: UInt64 { cache.values.reduce(0, &+) }
    /// Of them those for which the service had to answer.
    package var forwarded: UInt64 { cache.reduce(0) { $1.key.isForwarded ? $0 &+ $1.value : $0 } }
}
