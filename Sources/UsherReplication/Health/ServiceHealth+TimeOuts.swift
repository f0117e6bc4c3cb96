public import UsherCore

/// Ejections and pauses: judgements that end by themselves, and are bounded.
extension ServiceHealth {
    /// A worker saw failures of `id` that the ejection policy does not bear.
    ///
    /// The first ejection takes `EjectionPolicy.duration`, each further one twice as long as the one before, until the
    /// endpoint has taken requests without interruption for as long as the last one took. Says so, now and then, when
    /// it should be ejected but must not.
    public mutating func failuresSeen(_ id: EndpointID, cause: EjectionCause, now: MonotonicTime) -> [Change] {
        guard let policy = configuration.ejection, endpoints[id]?.condition == .ready else { return [] }
        if let refusal { return refuse(id, "\(cause.reason): would be ejected, but \(refusal)", now: now) }
        return update(id, now: now, why: cause.reason, cause: cause) { $0.eject(cause, by: policy, now: $1) }
    }

    /// `id` answered that it wants no requests for `pause`: it gets its will for `longestPause` at most.
    public mutating func pauseAsked(_ id: EndpointID, for pause: Duration, now: MonotonicTime) -> [Change] {
        guard pause > .zero, endpoints[id]?.condition == .ready else { return [] }
        let length = min(pause, Self.longestPause)
        if let refusal { return refuse(id, "it asked for a pause of \(length.text), but \(refusal)", now: now) }
        return update(id, now: now, why: "") { $0.pause(for: length, now: $1) }
    }

    /// Those whose time is over take requests again. To be called at `nextDeadline`; earlier does no harm.
    public mutating func timePassed(now: MonotonicTime) -> [Change] {
        let due = out.filter { $0.value <= now }.keys.sorted()
        return due.flatMap { release($0, now: now, why: "is over") }
    }

    /// The rules change, and what is known stays: who is out for a longer time than now meant stays out for it.
    ///
    /// Without checks from now on everybody counts as ready; without ejection nobody is ejected.
    @discardableResult
    public mutating func configure(_ configuration: Configuration) -> [Change] {
        guard configuration != self.configuration else { return [] }
        self.configuration = configuration
        var changes: [Change] = []
        for id in endpoints.keys.sorted() {
            changes += update(id, now: clock, why: "it has no check any more") {
                $0.configure(configuration.readiness, now: $1)
            }
            if configuration.ejection == nil, endpoints[id]?.timeOut?.kind == .ejected {
                changes += release(id, now: clock, why: "has ended: nobody is ejected any more")
            }
        }
        return changes + releaseSurplus()
    }

    /// Why nobody else may be ejected or paused now; nil when one more may.
    private var refusal: String? {
        if availableCount <= 1 { return "it is the last one available" }
        guard out.count >= allowance else { return nil }
        return allowance == 0 ? "none of \(count) may be out" : "\(out.count) of \(count) are out already"
    }

    private var allowance: Int {
        (configuration.ejection ?? EjectionPolicy()).allowance(of: count)
    }

    /// Told once in a while: the failures behind it may come many times a second.
    private mutating func refuse(_ id: EndpointID, _ reason: String, now: MonotonicTime) -> [Change] {
        if let last = endpoints[id]?.refusedAt, now.elapsed(since: last) < Self.announcementInterval { return [] }
        return update(id, now: now, why: reason, isAlwaysTold: true) { $0.refusedAt = $1 }
    }

    private mutating func release(_ id: EndpointID, now: MonotonicTime, why: String) -> [Change] {
        guard let timeOut = endpoints[id]?.timeOut else { return [] }
        let name = timeOut.kind == .ejected ? "ejection" : "pause"
        return update(id, now: now, why: "its \(name) of \(timeOut.length.text) \(why)") { endpoint, _ in
            endpoint.timeOut = nil
        }
    }

    /// Lets those return that would have returned first, until no more are out than may be, and not all.
    mutating func releaseSurplus() -> [Change] {
        var changes: [Change] = []
        while out.count > allowance || availableCount == 0,
            let first = out.min(by: { ($0.value, $0.key) < ($1.value, $1.key) })
        {
            changes += release(first.key, now: clock, why: "has ended early: too few others are left")
        }
        return changes
    }
}
