import NIOCore
import UsherCore
import UsherHTTP
import UsherReplication
import UsherTelemetry
import UsherTransport

// The path of every request, in the order of its phases. docs/life-of-a-request.md tells the same story.
//
//   accept    a connection is counted against its limits                Listener, ConnectionCounts
//   parse     a head becomes bytes and offsets, or a refusal            HTTP1ServerConnection, RequestHead
//   route     the first route that matches, or 404                      Router
//   limit     what the route allows of this request                     RoutePlan
//   pick      a service, then the replica that this try goes to         Balancer
//   forward   a connection of the pool, the rewritten head, the body    UpstreamPool, Exchange+Request
//   judge     the answer, another try, or the end                       RetryRule, RetryBudget
//   reply     the replica's answer, or one of our own                   Downstream, PathRefusal
//   account   counters and the access log, always                       WorkerMetrics, AccessLogBatch
//
// Each phase asks one pure module what to do and acts on its answer in one switch. A request that must wait (for a
// connection, in a queue) is parked and goes on by a callback on the same event loop.

extension Worker {
    /// A request has been parsed: route it, check it, choose its service.
    func requestArrived(on downstream: any Downstream) -> any DownstreamHandler {
        let head = downstream.head
        // route
        guard let index = self.snapshot.router.match(RequestSource(head, peer: downstream.peer)) else {
            return self.refusal(.noRoute, downstream, plan: nil)
        }
        let plan = self.snapshot.routes[index]
        // limit
        if let refusal = plan.refusal(of: head) { return self.refusal(refusal, downstream, plan: plan) }
        switch plan.action {
        case .service(let destination):
            return Exchange(self, downstream, plan, destination)
        case .split(let parts):
            let draw = self.random.below(1_000_000)
            let part = parts.first { draw < $0.upTo } ?? parts[parts.count - 1]
            return Exchange(self, downstream, plan, part.destination)
        case .redirect(let target, let status):
            return LocalExchange(self, downstream, plan, plan.redirection(to: target, status: status, downstream))
        case .respond(let status, let body):
            return LocalExchange(self, downstream, plan, plan.response(status: status, body: body, downstream))
        }
    }

    private func refusal(_ refusal: PathRefusal, _ downstream: any Downstream, plan: RoutePlan?) -> LocalExchange {
        if plan == nil { self.metrics.requestRefused(status: refusal.answer.status) }
        let answer = refusal.localAnswer(service: nil)
        return LocalExchange(self, downstream, plan, answer, why: refusal.answer.why)
    }
}

/// One proxied request on its way: the phases from `pick` to `account`.
///
/// Phase     | Meaning                                              | Left when
/// ----------|------------------------------------------------------|------------------------------------------
/// gathering | the start of the body is collected                   | all of it is there, or no more at once
/// waiting   | for a connection or in the queue                     | a connection is there, or time is over
/// sent      | at a replica, which has not answered                 | its head arrives, or the try fails
/// answering | the answer flows to the client                       | it is complete or breaks off
/// over      | accounted for                                        | never
///
/// Confinement: one event loop.
final class Exchange: DownstreamHandler, UpstreamHandler {
    enum Phase { case gathering, waiting, sent, answering, over }

    let worker: Worker
    let downstream: any Downstream
    let peer: Peer
    /// The request; valid until the exchange is over.
    let head: RequestHead
    let plan: RoutePlan
    let destination: RoutePlan.Destination
    let service: WorkerService
    var phase = Phase.gathering
    var body = GatheredBody()
    let trace: TraceContext
    /// The client's `traceparent` was valid, so that its `tracestate` still belongs to the trace.
    let continuesTrace: Bool

    // The current try.
    private(set) var replica = -1
    var upstream: UpstreamConnection?
    private var tryStartedAt = MonotonicTime.start
    /// What this try sent to its replica.
    var bytesSent = 0
    private(set) var tried = TriedEndpoints()
    private var rule: RetryRule
    var totalDeadline: UInt64
    /// Changes whenever the exchange stops waiting, so that a late callback finds out that it is late.
    var ticket: UInt64 = 0
    var waitTimer: DeadlineTimer?
    var isQueued = false
    /// It is this request's turn in the queue.
    var hasLeftQueue = false

    private var status = 0
    private var why: StaticString = ""

    init(
        _ worker: Worker, _ downstream: any Downstream, _ plan: RoutePlan, _ destination: RoutePlan.Destination
    ) {
        self.worker = worker
        self.downstream = downstream
        self.plan = plan
        self.destination = destination
        self.service = worker.services[destination.service]
        let head = downstream.head
        self.head = head
        self.peer = downstream.peer
        self.rule = RetryRule(attemptsMax: destination.attempts, isIdempotent: head.method.isIdempotent)
        self.totalDeadline = downstream.startedAt.nanoseconds &+ destination.total
        let received = head.slice(of: .traceparent).flatMap { value in
            head.withBytes(value) { span in TraceContext(span) }
        }
        self.continuesTrace = received != nil
        self.trace = received?.continued(random: &worker.random) ?? .started(random: &worker.random)
    }

    func begin() {
        self.service.requestArrived(now: self.downstream.startedAt)
    }

    // MARK: pick

    /// Chooses a replica for the next try and asks for a connection to it.
    func pick(now: MonotonicTime) {
        self.phase = .waiting
        switch self.service.choose(excluding: self.tried, now: now, random: &self.worker.random) {
        case .replica(let index):
            self.acquire(index, now: now)
        case .noneReady:
            self.worker.metrics.noReplicaReady(service: self.service.index)
            self.end(.noReplicaReady)
        case .allTried:
            self.end(self.rule.lastFailure.map { .tryFailed($0) } ?? .noReplicaReady)
        }
    }

    // MARK: forward

    /// - Parameter fresh: an idle connection has just died under this request.
    private func acquire(_ replica: Int, fresh: Bool = false, now: MonotonicTime) {
        switch self.service.pools[replica].acquire(fresh: fresh, now: now) {
        case .use(let connection):
            self.tryStarts(replica, now: now)
            self.send(on: connection, now: now)
        case .connect(let id):
            self.tryStarts(replica, now: now)
            self.connect(id, to: replica, now: now)
        case .full:
            if let other = self.freeReplica(besides: replica) {
                self.acquire(other, now: now)
            } else {
                self.queue(now: now)
            }
        }
    }

    private func connect(_ id: ConnectionID, to replica: Int, now: MonotonicTime) {
        let ticket = self.wait(now: now)
        self.service.pools[replica].connect(id) { result in
            let isAwaited = self.isWaiting(ticket)
            switch result {
            case .success(let connection):
                self.service.connectSucceeded(replica)
                guard isAwaited else { return self.service.pools[replica].connectionIsFree(connection) }
                self.stopWaiting()
                self.send(on: connection, now: self.worker.loop.now)
            case .failure(let failure):
                self.service.connectFailed(replica, now: self.worker.loop.now)
                if isAwaited { self.upstreamFailed(failure) }
            }
        }
    }

    private func send(on connection: UpstreamConnection, now: MonotonicTime) {
        self.phase = .sent
        self.upstream = connection
        var out = self.worker.loop.writeBuffers.take()
        self.writeHead(to: &out)
        let rest = self.body.write(behind: &out, framing: self.head.framing)
        self.bytesSent = out.readableBytes + (rest?.readableBytes ?? 0)
        let deadlines = UpstreamConnection.Deadlines(
            response: self.destination.response, idle: self.destination.idle,
            total: self.body.isComplete ? self.totalDeadline : .max)
        connection.send(
            out, rest, method: self.head.method, isWhole: self.body.isComplete, deadlines: deadlines, now: now,
            handler: self)
        self.worker.loop.writeBuffers.giveBack(out)
        // A broken connection is noticed while it is written to; then another try may have begun already.
        if self.upstream === connection && !self.body.isComplete { self.downstream.resumeBody() }
    }

    // MARK: judge

    func upstreamHead(_ head: ResponseHead) {
        let now = self.worker.loop.now
        if self.rule.wantsAnother(afterStatus: head.status, isReplayable: self.body.isReplayable),
            self.isAnotherReady, self.service.mayRetry(now: now)
        {
            self.tried.insert(self.replica)
            self.upstream?.cancel()
            self.tryEnds(.status5xx, latency: nil, now: now)
            self.retry(now: now)
            return
        }
        self.phase = .answering
        self.status = head.status
        self.firstByteAt = now
        self.body.forget()
        self.reply(head)
    }

    private var firstByteAt = MonotonicTime.start

    /// A replica's own 503 is worth more to the client than ours, so it is thrown away only for somebody else's answer.
    private var isAnotherReady: Bool {
        self.service.plan.replicas.indices.contains { index in
            index != self.replica && !self.tried.contains(index) && self.service.balancer.isReady(index)
        }
    }

    func upstreamFailed(_ failure: UpstreamFailure) {
        let now = self.worker.loop.now
        let endedReplica = self.replica
        self.tryEnds(.init(failure.kind), latency: nil, now: now)
        self.stopWaiting()
        if self.phase == .answering {
            self.cutOff(.tryFailed(failure))
            return
        }
        switch self.rule.judge(failure, isReplayable: self.body.isReplayable) {
        case .giveUp:
            self.end(.tryFailed(failure))
        case .sameReplica:
            self.acquire(endedReplica, fresh: true, now: now)
        case .another(let isFree):
            self.tried.insert(endedReplica)
            if isFree || self.service.mayRetry(now: now) {
                self.retry(now: now)
            } else {
                self.worker.metrics.retryRefused(service: self.service.index)
                self.end(.tryFailed(failure))
            }
        }
    }

    private func retry(now: MonotonicTime) {
        self.worker.metrics.retried(service: self.service.index)
        self.pick(now: now)
    }

    // MARK: reply

    private func reply(_ head: ResponseHead) {
        var edits = HeadEdits()
        if !self.plan.answerEdits.isEmpty {
            edits = self.plan.answerHeadEdits(self.downstream)
        }
        self.downstream.sendHead(head, edits: edits)
    }

    func upstreamInformational(_ head: ResponseHead) {
        self.downstream.sendInformational(head)
        self.downstream.flush()
        if !self.downstream.isWritable { self.upstream?.pauseReading() }
    }

    func upstreamBody(_ data: ByteBuffer) {
        self.downstream.sendBody(data)
        if !self.downstream.isWritable { self.upstream?.pauseReading() }
    }

    func upstreamReadComplete() {
        if self.phase == .answering { self.downstream.flush() }
    }

    func upstreamEnded(_ trailers: Trailers?) {
        let latency = self.firstByteAt.nanoseconds(since: self.tryStartedAt)
        self.tryEnds(self.status < 500 ? .success : .status5xx, latency: latency, now: self.worker.loop.now)
        self.downstream.sendEnd(trailers)
        self.downstream.flush()
    }

    /// Ends the path with an answer of our own.
    func end(_ refusal: PathRefusal) {
        self.stopWaiting()
        let answer = refusal.localAnswer(service: self.service.plan.name)
        self.status = answer.status
        self.why = refusal.answer.why
        self.phase = .answering
        self.downstream.answer(answer)
    }

    /// Ends an answer of the replica's that flows already: the client sees that it is not whole.
    func cutOff(_ refusal: PathRefusal) {
        self.why = refusal.answer.why
        self.downstream.abort()
    }

    // MARK: account

    /// The answer is complete.
    func exchangeEnded() {
        self.account()
    }

    /// The client left or broke a rule.
    func downstreamClosed(_ reason: DownstreamEnd) {
        self.stopWaiting()
        self.giveUpTry()
        switch reason {
        case .aborted where self.why.utf8CodeUnitCount == 0:
            self.why = "the client closed the connection before the answer was complete"
        case .aborted:
            break
        case .timedOut:
            self.why = "the client took nothing of its answer for too long"
        case .refused(let refusal):
            self.why = PathRefusal.malformed(refusal).answer.why
            if self.status == 0 { self.status = refusal.status }
        }
        self.account()
    }

    private func account() {
        guard self.phase != .over else { return }
        self.phase = .over
        let now = self.worker.loop.now
        var entry = AccessEntry()
        entry.unixMilliseconds = WallClock.milliseconds()
        entry.client = self.peer.address
        entry.durationNanoseconds = now.nanoseconds(since: self.downstream.startedAt)
        entry.status = self.status
        entry.bytesIn = self.downstream.bytesReceived
        entry.bytesOut = self.downstream.bytesSent
        entry.route = self.plan.logName
        entry.service = self.service.plan.logName
        if self.replica >= 0 { entry.replica = self.service.plan.replicas[self.replica].logName }
        entry.attempts = self.rule.attempts
        entry.why = self.why
        entry.trace = self.trace
        self.worker.account(
            entry, route: self.plan.index, service: self.service.index, head: self.head)
    }

    // MARK: One try's begin and end

    private func tryStarts(_ replica: Int, now: MonotonicTime) {
        self.replica = replica
        self.tryStartedAt = now
        self.rule.tryStarted()
        self.service.tryStarted(replica, now: now)
        self.worker.metrics.changeInFlight(service: self.service.index, endpoint: replica, by: 1)
        self.tryIsOpen = true
    }

    private var tryIsOpen = false

    func tryEnds(_ outcome: TryOutcome, latency: UInt64?, now: MonotonicTime) {
        guard self.tryIsOpen else { return }
        self.tryIsOpen = false
        let received = self.upstream?.bytesReceived ?? 0
        self.upstream = nil
        let index = self.service.index
        self.worker.metrics.changeInFlight(service: index, endpoint: self.replica, by: -1)
        self.worker.metrics.tryEnded(
            service: index, endpoint: self.replica, outcome: outcome,
            nanoseconds: latency == nil ? nil : now.nanoseconds(since: self.tryStartedAt),
            bytesSent: self.bytesSent, bytesReceived: received)
        self.bytesSent = 0
        switch outcome {
        case .status5xx where (502...504).contains(self.status):
            // Failing fast must not look like answering fast.
            self.service.tryFailed(self.replica, now: now)
        case .success, .status5xx, .clientAborted:
            self.service.tryEnded(self.replica, latencyNanoseconds: latency, now: now)
        case .connectFailed, .timeout, .reset, .garbage: self.service.tryFailed(self.replica, now: now)
        }
    }
}
