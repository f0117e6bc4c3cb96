internal import NIOCore
internal import UsherCore
internal import UsherTransport

/// The part of a run that one event loop does: begins requests, finds connections for them, counts how they end.
///
/// Phase    | Meaning                                            | Left when
/// ---------|----------------------------------------------------|------------------------------------------
/// opening  | connections are made, no request begins            | all are there or have failed, and `start` is called
/// running  | requests begin                                     | the time is over
/// draining | none begins; those that have begun come to an end  | the last one has ended
/// done     | everything is counted                              | never
///
/// Confinement: its event loop; `@unchecked Sendable` so that the run can hold it and hop there.
final class LoadWorker: NIOScheduledCallbackHandler, @unchecked Sendable {
    enum Phase { case opening, running, draining, done }

    /// A place for one connection.
    struct Slot {
        enum State { case closed, opening, open }

        var state = State.closed
        var connection: (any LoadConnection)?
        /// Since when it is being opened.
        var since: UInt64 = 0
        /// The request for which it is being opened.
        var pending: Attempt?
        /// Whether it stands in the line of those with room.
        var isListed = false
    }

    /// How long one of a fixed number of users waits after there was no connection. 100 ms.
    static let retryTime = TimeAmount.milliseconds(100)

    let eventLoop: any EventLoop
    let plan: LoadPlan
    let requests: PreparedRequests
    let opening: ConnectionOpening
    let isClosedLoop: Bool
    /// Of a request. Unit: nanoseconds.
    private let timeout: UInt64
    private let part: Int
    private let parts: Int

    var phase = Phase.opening
    var slots: [Slot]
    /// Slots of connections with room, and closed ones; an entry may be out of date.
    var free = WaitingLine<Int>()
    var vacant: [Int] = []
    /// Requests for which no connection has room.
    var waiting = WaitingLine<Attempt>()
    /// Requests that have begun and not ended.
    private var outstanding = 0
    private(set) var tally = LoadTally()

    /// The plan's targets by their places, and whether any of them has a number; looked up for every request.
    private let order: [UInt32]
    private let isNumbered: Bool
    private var targets: PopularityPicker
    private var keys: PopularityPicker
    private var schedule: ArrivalSchedule?
    private var measuredFrom: UInt64 = 0
    private var end: UInt64 = .max
    /// How many measured requests may still begin.
    private var budget: Int
    private var timers: [() -> Void] = []
    private let finished: EventLoopPromise<LoadTally>
    /// Slots of which nobody knows yet whether they get a connection, while opening.
    var undecided: Int
    let decided: EventLoopPromise<Int>

    /// - Parameters:
    ///   - plan: with at least one target.
    ///   - part: which of `parts` workers this is.
    init(
        _ plan: LoadPlan, requests: PreparedRequests, opening: ConnectionOpening, on eventLoop: any EventLoop,
        part: Int, of parts: Int
    ) {
        self.eventLoop = eventLoop
        self.plan = plan
        self.requests = requests
        self.opening = opening
        self.part = part
        self.parts = parts
        self.timeout = plan.timeout.nanosecondsClamped
        self.isClosedLoop = plan.pace == .closed
        let count = Self.share(plan.connections, part, parts)
        self.slots = [Slot](repeating: Slot(), count: count)
        self.undecided = count
        self.budget = plan.requests.map { Self.share($0, part, parts) } ?? .max
        self.order = plan.targets.order
        self.isNumbered = plan.targets.isNumbered
        self.targets = PopularityPicker(
            plan.popularity, count: plan.targets.count, seed: plan.seed, part: part, of: parts)
        self.keys = PopularityPicker(
            plan.keyPopularity, count: plan.keys, seed: ~plan.seed, part: part, of: parts)
        self.finished = eventLoop.makePromise(of: LoadTally.self)
        self.decided = eventLoop.makePromise(of: Int.self)
    }

    private static func share(_ count: Int, _ part: Int, _ parts: Int) -> Int {
        count / parts + (part < count % parts ? 1 : 0)
    }

    /// The monotonic clock, in nanoseconds.
    static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

    static func describe(_ error: any Error) -> String { HTTPFetch.describe(error) }

    // MARK: The run

    /// Completes with what was counted.
    var result: EventLoopFuture<LoadTally> { self.finished.futureResult }

    /// Begins requests at `start`; those from `measuredFrom` on are counted.
    ///
    /// - Parameter end: nil: until the plan's number of requests has begun.
    func start(at start: MonotonicTime, measuredFrom: MonotonicTime, end: MonotonicTime?) {
        self.measuredFrom = measuredFrom.nanoseconds
        self.end = end?.nanoseconds ?? .max
        if case .open(let rate, let arrivals) = self.plan.pace {
            self.schedule = ArrivalSchedule(
                rate, arrivals, start: start, seed: self.plan.seed ^ 0x5EED, part: self.part, of: self.parts)
        }
        self.at(start) { self.beginRunning() }
        if let end { self.at(end) { self.drain() } }
    }

    private func beginRunning() {
        guard self.phase == .opening else { return }
        self.phase = .running
        let now = Self.now
        for slot in self.slots.indices { self.take(slot, now: now) }
        if self.schedule != nil { self.awaitArrival() }
        self.endIfDone()
    }

    private func at(_ time: MonotonicTime, _ body: @escaping () -> Void) {
        let task = self.eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(time.nanoseconds), body)
        self.timers.append { task.cancel() }
    }

    /// Looks for what takes too long, as often as a time-out needs to be exact.
    func beginSweeping() {
        let every = TimeAmount.nanoseconds(Int64(clamping: min(max(self.timeout / 20, 1_000_000), 50_000_000)))
        let sweep = self.eventLoop.scheduleRepeatedTask(initialDelay: every, delay: every) { _ in self.sweep() }
        self.timers.append { sweep.cancel() }
    }

    /// Ends at once: requests that have not ended are not counted.
    func stop() {
        guard self.phase != .done else { return }
        self.phase = .done
        for cancel in self.timers { cancel() }
        self.timers = []
        for slot in self.slots.indices { self.slots[slot].connection?.close() }
        self.decide(all: true)
        self.finished.succeed(self.tally)
    }

    private func drain() {
        guard self.phase == .running else { return }
        // A loop that is late must not forget those that were due before the end.
        self.beginDue()
        self.phase = .draining
        self.endIfDone()
    }

    private func endIfDone() {
        guard self.phase == .running || self.phase == .draining else { return }
        if self.outstanding == 0, self.phase == .draining || self.budget <= 0 { self.stop() }
    }

    // MARK: Requests begin

    /// Whether a request that begins at `start` is one too many.
    func mayBegin(at start: UInt64) -> Bool {
        self.phase == .running && start < self.end && (self.budget > 0 || start < self.measuredFrom)
    }

    /// A request begins that should begin at `start`.
    func begin(at start: UInt64) -> Attempt {
        let isMeasured = start >= self.measuredFrom
        if isMeasured { self.budget -= 1 }
        self.outstanding += 1
        let place = self.targets.next()
        let number = self.isNumbered ? self.keys.next() : 0
        return Attempt(
            start: start, request: Int(self.order[place]), number: UInt64(number), isMeasured: isMeasured)
    }

    private func awaitArrival() {
        guard let next = self.schedule?.next.nanoseconds, self.mayBegin(at: next) else { return self.endIfDone() }
        // Fails only on a loop that is shut down.
        _ = try? self.eventLoop.scheduleCallback(at: .uptimeNanoseconds(next), handler: self)
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        self.beginDue()
        self.awaitArrival()
    }

    /// Begins the requests of an open loop that are due.
    private func beginDue() {
        let now = Self.now
        while let next = self.schedule?.next.nanoseconds, next <= now, self.mayBegin(at: next) {
            self.schedule?.advance()
            self.place(self.begin(at: next), now: now)
        }
    }

    // MARK: Requests end

    func answered(_ attempt: Attempt, status: Int, bytes: Int, cache: CacheOutcome?, now: UInt64) {
        guard self.phase != .done else { return }
        self.outstanding -= 1
        if attempt.isMeasured {
            self.tally.countAnswer(
                status: status, bytes: bytes, cache: cache, nanoseconds: now > attempt.start ? now - attempt.start : 0,
                at: MonotonicTime(nanoseconds: now))
        }
        if self.outstanding == 0 { self.endIfDone() }
    }

    func failed(_ attempt: Attempt, _ failure: LoadFailure, _ reason: String, now: UInt64) {
        guard self.phase != .done else { return }
        self.outstanding -= 1
        if attempt.isMeasured {
            self.tally.countFailure(
                failure, reason: reason, nanoseconds: now > attempt.start ? now - attempt.start : 0,
                at: MonotonicTime(nanoseconds: now))
        }
        if self.outstanding == 0 { self.endIfDone() }
    }

    /// A request that the server has not looked at may be sent on another connection.
    func giveBack(_ attempt: Attempt) {
        guard self.phase != .done else { return }
        self.place(attempt, now: Self.now)
    }

    /// Ends what takes too long.
    private func sweep() {
        let now = Self.now
        guard now > self.timeout else { return }
        let start = now - self.timeout
        self.dropLate(startedBy: start, now: now)
        for slot in self.slots.indices {
            switch self.slots[slot].state {
            case .open: self.slots[slot].connection?.expire(startedBy: start, now: now)
            case .opening where self.slots[slot].since <= start: self.giveUpOpening(slot)
            case .opening, .closed: break
            }
        }
    }

    /// Ends requests for which no connection had room in time.
    func dropLate(startedBy start: UInt64, now: UInt64) {
        while let first = self.waiting.first, first.start <= start {
            _ = self.waiting.popFirst()
            self.failed(first, .timeout, "no connection was free in time", now: now)
        }
    }

    func countConnection() { self.tally.countConnection() }

    /// A connection that could not be made before the run is a request that failed.
    func countRefusedConnection(_ reason: String) {
        self.tally.countFailure(.connect, reason: reason, nanoseconds: 0, at: MonotonicTime(nanoseconds: Self.now))
    }

    /// Nanoseconds on the clock; what began earlier is too late now.
    func latest(now: UInt64) -> UInt64 { now > self.timeout ? now - self.timeout : 0 }
}
