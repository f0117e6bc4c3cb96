public import UsherCore

/// Joins all that is known of a service's endpoints and decides which of them take requests.
///
/// Five things take an endpoint out: checks that fail, connections that fail, failures among its answers, a pause that
/// it asks for, and an operator (`EndpointCondition` tells which one is shown). The first two are facts; ejections and
/// pauses are judgements, so no more than a share of the endpoints may be out for them, and never the last one.
///
/// An endpoint that comes back starts slowly. Those that become ready for the first time within `startSpan` of the
/// service's first do not: a ramp would put all of the load on whichever was quicker by a moment.
///
/// Every event returns what it changed. What is not known of is ignored; time never runs back.
///
/// Confinement: owned by the control plane. Never reads a clock.
public struct ServiceHealth: Sendable {
    /// The rules of a service, as its configuration has them.
    public struct Configuration: Sendable, Hashable {
        /// How replicas are checked; nil: not at all, they count as ready. Supervised processes always have a check.
        public var readiness: ReadinessMachine.Configuration?
        /// When replicas are taken out for their answers; nil: never.
        public var ejection: EjectionPolicy?

        public init(readiness: ReadinessMachine.Configuration? = nil, ejection: EjectionPolicy? = EjectionPolicy()) {
            self.readiness = readiness
            self.ejection = ejection
        }
    }

    /// What an event changed about one endpoint.
    public struct Change: Sendable, Hashable {
        public var id: EndpointID
        public var condition: EndpointCondition
        public var availability: EndpointAvailability
        /// Why, as part of a sentence: "5 failures in a row".
        public var reason: String
        /// What the endpoint was ejected for, when it has just been.
        public var cause: EjectionCause?
        /// Condition and availability are as before: it is only something that people should know.
        public var isAnnouncement: Bool

        public init(
            id: EndpointID, condition: EndpointCondition, availability: EndpointAvailability, reason: String,
            cause: EjectionCause? = nil, isAnnouncement: Bool = false
        ) {
            self.id = id
            self.condition = condition
            self.availability = availability
            self.reason = reason
            self.cause = cause
            self.isAnnouncement = isAnnouncement
        }
    }

    /// From the first ready endpoint of a service on, so long others become ready without a slow start.
    public static let startSpan = Duration.seconds(10)
    /// A mere announcement about an endpoint follows its last news by this time at least.
    public static let announcementInterval = Duration.seconds(10)
    /// A replica may ask for a pause of this length at most.
    public static let longestPause = Duration.seconds(30)

    public internal(set) var configuration: Configuration
    /// How many endpoints take requests now.
    public private(set) var availableCount = 0
    var endpoints: [EndpointID: EndpointHealth] = [:]
    /// Until when which endpoints are ejected or paused.
    private(set) var out: [EndpointID: MonotonicTime] = [:]
    private var firstAvailableAt: MonotonicTime?
    /// The latest moment that an event told.
    private(set) var clock = MonotonicTime.start

    public init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    // MARK: What is known

    public var count: Int { endpoints.count }

    /// Nil for an unknown endpoint.
    public func condition(of id: EndpointID) -> EndpointCondition? { endpoints[id]?.condition }

    /// What was told last; nothing may be picked of an unknown endpoint.
    public func availability(of id: EndpointID) -> EndpointAvailability {
        endpoints[id]?.availability ?? EndpointAvailability()
    }

    public func hasBeenReady(_ id: EndpointID) -> Bool { endpoints[id]?.readiness.hasBeenReady ?? false }

    /// When `timePassed` must be called; nil while nobody is out for a time.
    public var nextDeadline: MonotonicTime? { out.values.min() }

    // MARK: Endpoints

    /// An endpoint joins; one that is there already is left alone.
    public mutating func add(_ id: EndpointID, readyAtOnce: Bool, now: MonotonicTime) -> [Change] {
        guard endpoints[id] == nil else { return [] }
        clock = max(clock, now)
        var endpoint = EndpointHealth(configuration.readiness)
        if readyAtOnce { endpoint.checkSucceeded(now: clock) }
        settle(&endpoint)
        let reason = endpoint.reason ?? "it has no check"
        let change = tell(id, &endpoint, reason: reason, isAlwaysTold: false, cause: nil)
        endpoints[id] = endpoint
        return change.map { [$0] } ?? []
    }

    /// An endpoint has left for ever; the changes are those of others.
    @discardableResult
    public mutating func remove(_ id: EndpointID) -> [Change] {
        guard let endpoint = endpoints.removeValue(forKey: id) else { return [] }
        out[id] = nil
        if endpoint.availableSince != nil { availableCount -= 1 }
        return releaseSurplus()
    }

    // MARK: Active checks

    /// A check of `id` succeeded.
    public mutating func probeSucceeded(_ id: EndpointID, now: MonotonicTime) -> [Change] {
        let isBack = endpoints[id]?.verdict == .unready && endpoints[id]?.readiness.hasBeenReady == true
        let rise = max(configuration.readiness?.rise ?? 1, 1)
        let why = isBack && rise > 1 ? "\(rise) checks in a row succeeded" : "its check succeeded"
        return update(id, now: now, why: why) { $0.checkSucceeded(now: $1) }
    }

    /// A check of `id` failed because of `reason`, such as "connection refused".
    public mutating func probeFailed(_ id: EndpointID, reason: String, now: MonotonicTime) -> [Change] {
        update(id, now: now, why: reason) { $0.checkFailed(reason: reason, now: $1) }
    }

    /// The supervised process of `id` ended; told each time, for a process may end again and again before it is ready.
    public mutating func replicaDied(_ id: EndpointID, reason: String, now: MonotonicTime) -> [Change] {
        update(id, now: now, why: reason, isAlwaysTold: true) { $0.died(reason: reason, now: $1) }
    }

    /// When to check `id` again, after the check that just ended or at the start; nil when it has no checks.
    public func nextProbe(_ id: EndpointID, now: MonotonicTime, random: inout SeededRandom) -> MonotonicTime? {
        guard configuration.readiness != nil else { return nil }
        return endpoints[id]?.readiness.nextProbe(after: now, random: &random)
    }

    // MARK: Connections

    /// No connection to `id` came about: a request's, or that of a probe.
    public mutating func connectFailed(_ id: EndpointID, reason: String, now: MonotonicTime) -> [Change] {
        update(id, now: now, why: reason) { $0.connectFailed(reason: reason, now: $1) }
    }

    /// A connection to `id` came about.
    public mutating func connectSucceeded(_ id: EndpointID, now: MonotonicTime) -> [Change] {
        update(id, now: now, why: "it takes connections again") { endpoint, _ in endpoint.connectSucceeded() }
    }

    /// When to try a plain connection to an unreachable endpoint: at once, then after 250 ms, doubling up to 2 s.
    ///
    /// Nil when it is not unreachable. Who asks is taken to do it, and to tell how it went.
    public mutating func nextConnectProbe(_ id: EndpointID, now: MonotonicTime) -> MonotonicTime? {
        endpoints[id]?.nextConnectProbe()
    }

    // MARK: Operators

    /// `id` gets no new requests, not even in a panic, before `undrain`.
    public mutating func drain(_ id: EndpointID, now: MonotonicTime) -> [Change] {
        update(id, now: now, why: "") { endpoint, _ in endpoint.isDrained = true }
    }

    /// `id` is treated like the others again.
    public mutating func undrain(_ id: EndpointID, now: MonotonicTime) -> [Change] {
        update(id, now: now, why: "undrained by an operator") { endpoint, _ in endpoint.isDrained = false }
    }

    // MARK: Telling

    /// Lets something happen to `id` and tells what that changed. `why` is the reason when it is ready afterwards.
    mutating func update(
        _ id: EndpointID, now: MonotonicTime, why: String, isAlwaysTold: Bool = false, cause: EjectionCause? = nil,
        _ event: (inout EndpointHealth, MonotonicTime) -> Void
    ) -> [Change] {
        clock = max(clock, now)
        guard var endpoint = endpoints[id] else { return [] }
        event(&endpoint, clock)
        settle(&endpoint)
        out[id] = endpoint.timeOut?.until
        let reason = isAlwaysTold ? why : endpoint.reason ?? why
        let change = tell(id, &endpoint, reason: reason, isAlwaysTold: isAlwaysTold, cause: cause)
        endpoints[id] = endpoint
        return change.map { [$0] } ?? []
    }

    /// Keeps the count of those that take requests, and starts ramps.
    private mutating func settle(_ endpoint: inout EndpointHealth) {
        let isAvailable = endpoint.condition == .ready
        guard isAvailable != (endpoint.availableSince != nil) else { return }
        guard isAvailable else {
            availableCount -= 1
            endpoint.availableSince = nil
            endpoint.rampFrom = nil
            return
        }
        availableCount += 1
        let first = firstAvailableAt ?? clock
        firstAvailableAt = first
        let isFounder = !endpoint.hasBeenAvailable && clock.elapsed(since: first) < Self.startSpan
        endpoint.hasBeenAvailable = true
        endpoint.availableSince = clock
        endpoint.rampFrom = isFounder ? nil : clock
    }

    private func tell(
        _ id: EndpointID, _ endpoint: inout EndpointHealth, reason: String, isAlwaysTold: Bool, cause: EjectionCause?
    ) -> Change? {
        let condition = endpoint.condition
        let availability = endpoint.availability
        var isAnnouncement = false
        if let last = endpoint.announcement, last.condition == condition, last.availability == availability {
            // A ready endpoint has no reason of its own that could have changed.
            let isNews = condition != .ready && last.reason != reason
            let isDue = clock.elapsed(since: last.at) >= Self.announcementInterval
            guard isAlwaysTold || (isNews && isDue) else { return nil }
            isAnnouncement = true
        }
        endpoint.announcement = .init(condition: condition, availability: availability, reason: reason, at: clock)
        return Change(
            id: id, condition: condition, availability: availability, reason: reason, cause: cause,
            isAnnouncement: isAnnouncement)
    }
}
