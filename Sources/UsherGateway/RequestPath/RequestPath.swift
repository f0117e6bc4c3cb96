import NIOCore
import UsherCore
import UsherHTTP
import UsherReplication
import UsherTelemetry
import UsherTransport

// The path of every request, in the order of its phases. docs/life-of-a-request.md tells the same story.
//
//   accept    a connection is counted against its limits, TLS begins    Listener, ConnectionCounts, ConnectionOpening
//   parse     a head becomes bytes and offsets, or a refusal            RequestHead; HTTP2Machine, RequestTranslation
//   route     the first route that matches, or 404                      Router
//   identify  whose request it is, or 401                               Credentials, CredentialCache, TokenVerifier
//   limit     what caller and route allow: classes, quotas, sizes       RoutePlan, QuotaPlan, QuotaTable, Pressure
//   cache     an answer that is there, or on its way                    CacheUse, ReuseRule, CacheStore, CacheFetch
//   pick      a shard, then the replica that this try goes to           KeyRule, ShardMap; SessionPlan, Balancer
//   forward   a connection of the pool, the rewritten head, the body    UpstreamPool, Exchange+Request
//   judge     the answer, another try, or the end                       RetryRule, RetryBudget, OutcomeWindow
//   store     what is kept of an answer, or no longer right             StorageRule, Freshening, Invalidation
//   reply     the replica's answer, or one of our own                   Downstream, PathRefusal
//   account   counters and the access log, always                       WorkerMetrics, AccessLogBatch
//
// Each phase asks one pure module what to do and acts on its answer in one switch. A request that must wait (for a
// token to be verified, a shared quota, a connection, in a queue) is parked and goes on by a callback on the same loop.

extension Worker {
    /// A request has been parsed: route it, find out whose it is, check it, choose its service.
    func requestArrived(on downstream: any Downstream) -> any DownstreamHandler {
        let head = downstream.head
        // route
        if !downstream.listener.addresses.isEmpty, let client = downstream.peer.clientAddress(of: head),
            !downstream.listener.addresses.admits(client)
        {
            return self.refusal(.addressDenied(isPeer: !downstream.peer.isTrusted), downstream, plan: nil, nil)
        }
        if let port = downstream.listener.httpsPort {
            return LocalExchange(
                self, downstream, nil, nil, .redirection(of: downstream, toPort: port), why: "redirected to TLS")
        }
        guard let index = self.snapshot.router.match(HeadSource(head)) else {
            return self.refusal(.noRoute, downstream, plan: nil, nil)
        }
        let plan = self.snapshot.routes[index]
        // identify
        switch self.identified(self.identify(head, downstream.peer), downstream, plan) {
        case .follow(let handler): return handler
        case .wait(let start): return ParkedRequest(self, downstream, plan, start)
        }
    }

    /// It is known, or can be found out, whose request it is: ask what that caller may do.
    private func identified(
        _ identification: Identification, _ downstream: any Downstream, _ plan: RoutePlan
    ) -> PathStep {
        switch identification {
        case .refused(let fault):
            return .follow(self.refusal(.credentialRefused(fault), downstream, plan: plan, nil))
        case .unverified(let credential):
            return .wait { goOn in
                self.verify(credential, downstream.head, downstream.peer) { identified in
                    goOn { self.identified(identified, downstream, plan) }
                }
            }
        case .caller(let caller):
            // limit
            if let refusal = plan.refusal(of: caller) ?? self.shedding(of: caller) {
                return .follow(self.refusal(refusal, downstream, plan: plan, Admission(caller)))
            }
            guard let use = plan.quota else { return .follow(self.admitted(Admission(caller), downstream, plan)) }
            let question = use.question(of: caller, downstream.head, downstream.peer, plan, &self.scratch)
            switch self.ask(question) {
            case .here(let answer):
                return self.limited(answer, caller, downstream, plan)
            case .store(let store, let limit):
                let asked = ParkedQuestion(question)
                return .wait { goOn in
                    self.ask(store, limit, asked) { judge in goOn { self.limited(judge(), caller, downstream, plan) } }
                }
            }
        }
    }

    private func limited(
        _ answer: consuming QuotaAnswer, _ caller: Caller, _ downstream: any Downstream, _ plan: RoutePlan
    ) -> PathStep {
        switch consume answer {
        case .admitted(let hold):
            return .follow(self.admitted(Admission(caller, hold), downstream, plan))
        case .refused(let refusal, let hold):
            return .follow(self.refusal(refusal, downstream, plan: plan, Admission(caller, hold)))
        }
    }

    /// The caller may ask this: check what the route allows of the request itself, then follow the route.
    private func admitted(
        _ admission: consuming Admission, _ downstream: any Downstream, _ plan: RoutePlan
    ) -> any DownstreamHandler {
        if let refusal = plan.refusal(of: downstream.head) {
            return self.refusal(refusal, downstream, plan: plan, admission)
        }
        switch plan.action {
        case .service, .split:
            // cache
            guard let use = plan.cache else { return self.forwarding(admission, downstream, plan, .none) }
            return self.cached(use, admission, downstream, plan)
        case .redirect(let target, let status):
            let answer = plan.redirection(to: target, status: status, downstream, admission.caller)
            return LocalExchange(self, downstream, plan, admission, answer)
        case .respond(let status, let body):
            let answer = plan.response(status: status, body: body, downstream, admission.caller)
            return LocalExchange(self, downstream, plan, admission, answer)
        }
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
/// tunnel    | the replica switched protocols: bytes pass both ways | either side closes, or both are silent
/// over      | accounted for                                        | never
///
/// Confinement: one event loop.
final class Exchange: DownstreamHandler, UpstreamHandler {
    enum Phase { case gathering, waiting, sent, answering, tunnel, over }

    let worker: Worker
    let downstream: any Downstream
    let peer: Peer
    /// The request; valid until the exchange is over.
    let head: RequestHead
    let plan: RoutePlan
    let destination: RoutePlan.Destination
    /// Whose request it is, and what it holds of a quota.
    let admission: Admission
    /// The service that the route names.
    let root: WorkerService
    /// Who answers: the same, or the shard that it was sent to.
    private(set) var service: WorkerService
    /// Nil before a shard is chosen, and for services that have none.
    var trail: ShardTrail?
    /// The client has been sent a `100 Continue` of ours.
    var hasAskedForBody = false
    /// What was read of the body for the sake of its key. Unit: bytes.
    var gatheredBytes = 0
    let cache: CacheRole
    var phase = Phase.gathering
    var body = GatheredBody()
    let trace: TraceContext
    /// The client's `traceparent` was valid, so that its `tracestate` still belongs to the trace.
    let continuesTrace: Bool
    let requestID: RequestID
    var session: Session?

    // The current try.
    var endpoint: WorkerEndpoint?
    var upstream: UpstreamConnection?
    /// What this try sent to its replica.
    var bytesSent = 0
    /// What passed after the switch of protocols.
    var tunnelBytes = (fromClient: 0, toClient: 0)
    var tryIsOpen = false
    private(set) var tried = TriedEndpoints()
    var rule: RetryRule
    var times: ExchangeTimes
    var totalDeadline: UInt64
    /// Changes whenever the exchange stops waiting, so that a late callback finds out that it is late.
    var ticket: UInt64 = 0
    var waitTimer: DeadlineTimer?
    var isQueued = false
    /// It is this request's turn in the queue.
    var hasLeftQueue = false

    var status = 0
    var why: StaticString = ""

    init(
        _ worker: Worker, _ downstream: any Downstream, _ plan: RoutePlan, _ destination: RoutePlan.Destination,
        _ service: WorkerService, _ admission: consuming Admission, _ cache: CacheRole
    ) {
        self.worker = worker
        self.downstream = downstream
        self.plan = plan
        self.destination = destination
        self.admission = admission
        self.root = service
        self.service = service
        self.cache = cache
        let head = downstream.head
        self.head = head
        self.peer = downstream.peer
        self.rule = RetryRule(attemptsMax: destination.attempts, isIdempotent: head.method.isIdempotent)
        self.times = ExchangeTimes(startedAt: downstream.startedAt)
        self.totalDeadline = downstream.startedAt.nanoseconds &+ destination.total
        let received = head.slice(of: .traceparent).flatMap { value in
            head.withBytes(value) { span in TraceContext(span) }
        }
        self.continuesTrace = received != nil
        self.trace = received?.continued(random: &worker.random) ?? .started(random: &worker.random)
        // Strangers do not name requests: their name could be somebody else's.
        self.requestID =
            downstream.peer.isTrusted ? RequestID(head, trace: self.trace) : .trace(self.trace)
    }

    func begin() {
        self.service.requestArrived(now: self.downstream.startedAt)
        if let sessions = self.service.plan.sessions { self.session = self.recognise(sessions) }
        if self.needsBodyForShard { self.gatherBody() }
    }

    /// Goes on at a shard, or at the next one.
    func move(to service: WorkerService, now: MonotonicTime) {
        if !self.tried.isEmpty { self.trail?.failed += self.service.addresses(of: self.tried) }
        self.tried = self.trail.map { $0.failed.isEmpty ? .init() : service.endpoints(at: $0.failed) } ?? .init()
        self.service.requestEnded()
        self.service = service
        service.requestArrived(now: now)
        if let sessions = service.plan.sessions { self.session = self.recognise(sessions) }
    }

    // MARK: pick

    /// Chooses a shard where there are any, then a replica for the next try, and asks for a connection to it.
    func pick(now: MonotonicTime) {
        self.phase = .waiting
        if self.trail == nil, let shards = self.root.shards {
            // A reload may have given the service shards, and a key in the body, while the request waited.
            if self.needsBodyForShard { return self.gatherBody() }
            guard self.pickShard(shards, now: now) else { return }
        }
        while true {
            switch self.service.choose(
                excluding: self.tried, session: &self.session, affinity: self.affinity, now: now,
                random: &self.worker.random)
            {
            case .endpoint(let endpoint):
                return self.acquire(endpoint, now: now)
            case .noneReady:
                self.worker.metrics.noReplicaReady(service: self.service.index)
                if self.overflows(now: now) { continue }
                return self.end(.noReplicaReady)
            case .allTried:
                if self.overflows(now: now) { continue }
                return self.end(self.rule.lastFailure.map { .tryFailed($0) } ?? .noReplicaReady)
            }
        }
    }

    // MARK: forward

    /// - Parameter fresh: an idle connection has just died under this request.
    private func acquire(_ endpoint: WorkerEndpoint, fresh: Bool = false, now: MonotonicTime) {
        switch endpoint.pool.acquire(fresh: fresh, now: now) {
        case .use(let connection):
            self.tryStarts(endpoint, now: now)
            self.send(on: connection, now: now)
        case .connect(let id):
            self.tryStarts(endpoint, now: now)
            self.connect(id, to: endpoint, now: now)
        case .full:
            // The replica of a session or a key is worth waiting for; any other will do for the rest.
            if self.session?.key == nil, self.affinity == nil,
                let other = self.service.free(besides: endpoint, excluding: self.tried)
            {
                self.acquire(other, now: now)
            } else {
                self.queue(now: now)
            }
        }
    }

    func send(on connection: UpstreamConnection, now: MonotonicTime) {
        self.phase = .sent
        self.upstream = connection
        self.times.sent(now: now)
        var out = self.worker.loop.writeBuffers.take()
        self.writeHead(to: &out)
        let rest = self.body.write(behind: &out, framing: self.head.framing)
        self.bytesSent = out.readableBytes + (rest?.readableBytes ?? 0)
        let deadlines = UpstreamConnection.Deadlines(
            response: self.destination.response, idle: self.destination.idle,
            total: self.body.isComplete ? self.totalDeadline : .max)
        connection.send(
            out, rest, method: self.head.method, isWhole: self.body.isComplete,
            wantsUpgrade: self.head.upgrade != nil, deadlines: deadlines, now: now, handler: self)
        self.worker.loop.writeBuffers.giveBack(out)
        // A broken connection is noticed while it is written to; then another try may have begun already.
        if self.upstream === connection && !self.body.isComplete { self.downstream.resumeBody() }
    }

    // MARK: judge

    func upstreamHead(_ head: ResponseHead) {
        let now = self.worker.loop.now
        if head.status == 503 { self.pauseIfAsked(head) }
        if self.rule.wantsAnother(afterStatus: head.status, isReplayable: self.body.isReplayable),
            self.isAnotherReady || self.mayOverflow, self.service.mayRetry(now: now)
        {
            if let endpoint = self.endpoint { self.tried.insert(endpoint.id) }
            // The head goes with its connection: without the status the failure would count as a success.
            self.status = head.status
            self.upstream?.cancel()
            self.tryEnds(.status5xx, latency: nil, now: now)
            self.status = 0
            self.retry(now: now)
            return
        }
        if let owner = self.earlierOwner(afterStatus: head.status) {
            self.upstream?.discardAnswer(head)
            self.tryEnds(.success, latency: self.times.sinceTry(now), now: now)
            self.askEarlier(owner, now: now)
            self.times.tryBegins(now: now)
            return self.pick(now: now)
        }
        self.phase = .answering
        self.status = head.status
        self.times.answered(now: now)
        self.body.forget()
        self.worker.answerArrived(head, to: self)
        self.reply(head)
    }

    func upstreamFailed(_ failure: UpstreamFailure) {
        if self.phase == .tunnel { return self.tunnelIsSilent() }
        let now = self.worker.loop.now
        let ended = self.endpoint
        if self.phase == .sent, failure.kind == .connectFailed, let ended {
            // The connection was there, and then it was not let in.
            self.service.control.connectFailed(ended.id, reason: failure.detail)
        }
        self.tryEnds(.init(failure.kind), latency: nil, now: now)
        self.stopWaiting()
        if self.phase == .answering { return self.breaksOff(.tryFailed(failure)) }
        switch self.rule.judge(failure, isReplayable: self.body.isReplayable) {
        case .giveUp:
            self.end(.tryFailed(failure))
        case .sameReplica:
            guard let ended else { return self.end(.tryFailed(failure)) }
            // A reload has taken it out meanwhile: no connection to it will ever be free.
            guard ended.index >= 0 else { return self.retry(now: now) }
            self.acquire(ended, fresh: true, now: now)
        case .another(let isFree):
            if let ended { self.tried.insert(ended.id) }
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
        self.times.tryBegins(now: now)
        self.pick(now: now)
    }
}
