import UsherCore

/// Everything that speaks for and against using one endpoint; `ServiceHealth` joins it with the others' and tells.
struct EndpointHealth: Sendable {
    /// What active checks say, or that there are none.
    enum Verdict { case starting, unready, ready }

    /// Connections fail, and plain connects find out when they no longer do.
    struct Outage {
        var reason: String
        var nextProbe: MonotonicTime
        /// From the next probe that fails to the one after it.
        var delay = EndpointHealth.firstProbeDelay
        /// Somebody was told when to probe, and has not told how it went.
        var isProbeOut = false
    }

    /// It is out for a time that is known.
    struct TimeOut {
        enum Kind { case ejected, paused }
        var kind: Kind
        var until: MonotonicTime
        var length: Duration
        var reason: String
    }

    /// What was told of it last.
    struct Announcement {
        var condition: EndpointCondition
        var availability: EndpointAvailability
        var reason: String
        var at: MonotonicTime
    }

    static let firstProbeDelay = Duration.milliseconds(250)
    static let longestProbeDelay = Duration.seconds(2)

    private(set) var readiness: ReadinessMachine
    private(set) var verdict = Verdict.starting
    /// False from the end of its process to the first check that succeeds.
    private(set) var isAlive = true
    var isDrained = false
    private(set) var outage: Outage?
    var timeOut: TimeOut?
    /// The length of the latest ejection; nil when it was forgotten.
    private(set) var latestEjection: Duration?
    /// Since when it takes requests; nil while it takes none.
    var availableSince: MonotonicTime?
    var hasBeenAvailable = false
    var rampFrom: MonotonicTime?
    var announcement: Announcement?
    /// When it was last told that an ejection or a pause was refused.
    var refusedAt: MonotonicTime?

    /// `readiness` is nil when there are no checks.
    init(_ readiness: ReadinessMachine.Configuration?) {
        self.readiness = ReadinessMachine(readiness ?? Self.unchecked)
    }

    /// Without checks one success, that there is none to wait for, is enough.
    private static let unchecked = ReadinessMachine.Configuration(interval: .seconds(2), rise: 1, fall: 3)

    var condition: EndpointCondition {
        if isDrained { return .drained }
        switch verdict {
        case .starting: return .starting
        case .unready: return .unready
        case .ready: break
        }
        if outage != nil { return .unreachable }
        guard let timeOut else { return .ready }
        return timeOut.kind == .ejected ? .ejected(until: timeOut.until) : .paused(until: timeOut.until)
    }

    /// Why the condition is what it is; nil for a ready one, which needs no reason but the event that made it so.
    var reason: String? {
        if isDrained { return "drained by an operator" }
        switch verdict {
        case .starting: return readiness.reason ?? "not checked yet"
        case .unready: return readiness.reason
        case .ready: return outage?.reason ?? timeOut?.reason
        }
    }

    var availability: EndpointAvailability {
        EndpointAvailability(
            mayBePicked: condition == .ready,
            mayBePickedInPanic: readiness.hasBeenReady && isAlive && !isDrained,
            rampFrom: rampFrom)
    }

    // MARK: Checks

    /// The rules change; without checks from now on, it counts as ready.
    mutating func configure(_ configuration: ReadinessMachine.Configuration?, now: MonotonicTime) {
        readiness.configuration = configuration ?? Self.unchecked
        if configuration == nil && verdict != .ready { checkSucceeded(now: now) }
    }

    /// A check succeeded, or there is none to wait for. A success proves that connections come about, too.
    mutating func checkSucceeded(now: MonotonicTime) {
        isAlive = true
        outage = nil
        if readiness.probeSucceeded(now: now) == .becameReady { verdict = .ready }
    }

    /// An endpoint that is unready waits for its checks, not for connections.
    mutating func checkFailed(reason: String, now: MonotonicTime) {
        guard case .becameUnready = readiness.probeFailed(reason: reason, now: now) else { return }
        verdict = .unready
        outage = nil
    }

    /// What its process did says nothing about the next one, but how often it was ejected does.
    mutating func died(reason: String, now: MonotonicTime) {
        _ = readiness.replicaDied(reason: reason, now: now)
        verdict = .starting
        isAlive = false
        outage = nil
        timeOut = nil
    }

    // MARK: Connections

    /// A connection failed: a request's, or the one that was to find out.
    mutating func connectFailed(reason: String, now: MonotonicTime) {
        guard verdict == .ready else { return }
        guard var outage else {
            self.outage = Outage(reason: reason, nextProbe: now)
            return
        }
        outage.reason = reason
        // Many requests may fail with one outage: only what comes when a probe is due counts as one.
        if outage.isProbeOut && now >= outage.nextProbe {
            outage.isProbeOut = false
            outage.nextProbe = now.advanced(by: outage.delay)
            outage.delay = min(outage.delay * 2, Self.longestProbeDelay)
        }
        self.outage = outage
    }

    mutating func connectSucceeded() {
        outage = nil
    }

    /// When to try a connection; nil when there is nothing to find out.
    mutating func nextConnectProbe() -> MonotonicTime? {
        outage?.isProbeOut = true
        return outage?.nextProbe
    }

    // MARK: Time-outs

    mutating func eject(_ cause: EjectionCause, by policy: EjectionPolicy, now: MonotonicTime) {
        if let latestEjection, let availableSince,
            now.elapsed(since: availableSince) >= max(latestEjection, policy.duration)
        {
            self.latestEjection = nil
        }
        let length = policy.length(after: latestEjection)
        latestEjection = length
        timeOut = TimeOut(kind: .ejected, until: now.advanced(by: length), length: length, reason: cause.reason)
    }

    mutating func pause(for length: Duration, now: MonotonicTime) {
        timeOut = TimeOut(
            kind: .paused, until: now.advanced(by: length), length: length,
            reason: "it asked for a pause of \(length.text)")
    }
}
