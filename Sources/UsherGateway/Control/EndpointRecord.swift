import UsherCore
import UsherReplication

/// What the control plane keeps of one replica beside its health: where it is, what happened to it, who watches it.
struct EndpointRecord: Sendable {
    var plan: EndpointPlan
    /// Nil until a supervised replica's process was started.
    var address: ReplicaAddress?
    var pid: Int32?
    var condition = EndpointCondition.starting
    var availability = EndpointAvailability()
    var reason = "not checked yet"
    /// Since when that is so: milliseconds since the Unix epoch.
    var since: Int64
    /// When it ends by itself.
    var until: Int64?
    var history = EndpointHistory()
    /// Ends the watch; of use once.
    var stop = StopSignal()
    /// Who waits for the first verdict.
    var firstVerdict: Latch?
    /// What its service is about to become, for which it is being introduced; nil when that is in force.
    var proposed: ServicePlan?
    /// A task watches over it.
    var isWatched = false
    /// A task is finding out whether connections are taken again.
    var isProbingConnects = false

    init(_ plan: EndpointPlan, now: Int64) {
        self.plan = plan
        if case .address(let address) = plan.key { self.address = address }
        self.since = now
    }

    /// - Parameters:
    ///   - now: the moment of the change.
    ///   - wall: the same moment in milliseconds since the Unix epoch.
    mutating func take(_ change: ServiceHealth.Change, now: MonotonicTime, wall: Int64) {
        if !change.isAnnouncement {
            self.since = wall
            self.until = change.condition.until.map { until in
                wall + Int64(until.elapsed(since: now) / .milliseconds(1))
            }
        }
        self.condition = change.condition
        self.availability = change.availability
        self.reason = change.reason
        self.history.append(unixMilliseconds: wall, condition: change.condition.word, reason: change.reason)
    }

    mutating func verdictIsKnown() {
        self.firstVerdict?.arrive()
        self.firstVerdict = nil
    }
}

extension EndpointCondition {
    /// When it ends by itself; nil when something has to happen first.
    var until: MonotonicTime? {
        switch self {
        case .ejected(let until), .paused(let until): until
        case .drained, .starting, .unready, .unreachable, .ready: nil
        }
    }
}
