import NIOCore
import Synchronization
import UsherCaching
import UsherCore
import UsherHTTP
import UsherStores
import UsherTelemetry
import UsherTransport

/// One request that is answered from a cache, or with an answer that is on its way into it.
///
/// Confinement: one event loop.
final class CachedExchange: DownstreamHandler {
    private enum Source {
        case answer(StoredAnswer)
        case fetch(CacheFetch, reader: Int)
        /// Over, or somebody else's.
        case none
    }

    let worker: Worker
    let downstream: any Downstream
    let plan: RoutePlan
    let use: CacheUse
    private var admission: Admission?
    private let caller: Caller
    private var finding: CacheFinding
    private var source = Source.none
    private var status: CacheStatus
    private var outcome = CacheOutcome.hit
    /// Fetches for itself and others.
    private var leads = false
    /// What it fetched, for the access log and for the answer's id.
    private var asked: CacheFetch?
    /// What is sent of the body, and how much of it was passed so far.
    private var window = 0..<Int.max
    private var passed = 0
    /// The piece of a stored answer that is sent next.
    private var piece = 0
    private var isAnswering = false
    private var answeredStatus = 0
    private var why: StaticString = ""
    private var successor: (any DownstreamHandler)?
    private var isRequestComplete = false
    private var isOver = false
    private var waitTimer: DeadlineTimer?

    init(
        _ worker: Worker, _ downstream: any Downstream, _ plan: RoutePlan, _ use: CacheUse,
        _ admission: consuming Admission, _ finding: CacheFinding
    ) {
        self.worker = worker
        self.downstream = downstream
        self.plan = plan
        self.use = use
        self.caller = admission.caller
        self.admission = consume admission
        self.finding = finding
        self.status = CacheStatus(forward: .bypass)
    }

    func begin() { self.follow(self.finding) }

    private func follow(_ finding: CacheFinding) {
        switch finding {
        case .hit(let answer, let refreshes):
            self.status.isCollapsed = false
            self.status.isHit = true
            self.status.forward = nil
            self.status.timeToLive = answer.facts.timeToLive(now: self.worker.loop.now)
            self.outcome = refreshes == nil ? .hit : .stale
            if let refreshes { self.worker.refresh(refreshes, self.caller, self.downstream, self.plan) }
            self.serve(answer)
        case .fetch(let fetch, let reason, let leads):
            self.status.forward = reason
            self.leads = leads
            self.outcome = leads ? .miss : .collapsed
            self.status.isCollapsed = !leads
            let reader = fetch.state.withLock { $0.join() }
            self.source = .fetch(fetch, reader: reader)
            if leads {
                if !self.worker.start(fetch, self.caller, self.plan) { fetch.settleUnasked(nil) }
            } else {
                self.waitAtMost(Self.patience)
            }
            self.look()
        case .pass(let reason):
            self.status.isCollapsed = false
            self.status.forward = reason
            self.pass()
        case .onlyIfCached:
            self.pass()
        }
    }

    // MARK: Waiting for a fetch

    /// How long a request waits for another one's answer to begin. 5 s; then one of those that wait asks anew, for all
    /// of them.
    private static let patience: UInt64 = 5_000_000_000

    private func waitAtMost(_ nanoseconds: UInt64) {
        let timer = DeadlineTimer()
        timer.onFire = { [unowned self] _ in
            self.waitTimer = nil
            guard !self.isAnswering, !self.isOver, case .fetch(let fetch, _) = self.source else { return }
            self.use.plan.memory.fetches.remove(fetch)
            self.lookAgain(fetch)
        }
        self.worker.loop.schedule(timer, after: nanoseconds, now: self.worker.loop.now)
        self.waitTimer = timer
    }

    private func stopWaiting() {
        guard let timer = self.waitTimer else { return }
        self.waitTimer = nil
        timer.onFire = nil
        self.worker.loop.cancel(timer)
    }

    /// Looks what a fetch has for us, and waits when that is nothing.
    private func look() {
        guard !self.isOver, case .fetch(let fetch, let reader) = self.source else { return }
        if self.isAnswering { return self.pump() }
        let (head, outcome, isCutOff) = fetch.state.withLock { state in
            if state.head == nil, state.outcome == nil, !state.isCutOff { state.wait(self.waiter) }
            return (state.head, state.outcome, state.isCutOff)
        }
        if let outcome { return self.take(outcome, fetch, reader) }
        if let head { return self.take(head, fetch) }
        if isCutOff { self.goAlone() }
    }

    private var waiter: FetchWaiter {
        // It waits on its own loop, and is called there.
        nonisolated(unsafe) let exchange = self
        return FetchWaiter(eventLoop: self.worker.loop.eventLoop) { exchange.look() }
    }

    private func take(_ outcome: FetchOutcome, _ fetch: CacheFetch, _ reader: Int) {
        self.stopWaiting()
        fetch.state.withLock { $0.leave(reader) }
        switch outcome {
        case .answer(let answer, let forwardStatus, let isStored):
            if self.leads { self.asked = fetch }
            self.status.forwardStatus = forwardStatus
            self.status.isStored = isStored
            self.outcome = isStored ? .revalidated : .staleIfError
            self.serve(answer)
        case .failed(let answer):
            // Who waited may be luckier alone, and all of them at once.
            guard self.leads else { return self.goAlone() }
            self.source = .none
            self.asked = fetch
            self.fail(answer)
        case .released:
            self.goAlone()
        }
    }

    private func take(_ head: ReceivedAnswer, _ fetch: CacheFetch) {
        if !self.leads {
            guard head.isKept, let names = head.names else { return self.goAlone() }
            // Another one's answer is ours only where the fields that it depends on are the same.
            guard names.isEmpty || self.selects(names, like: fetch) else { return self.lookAgain(fetch) }
        }
        if self.leads { self.asked = fetch }
        self.stopWaiting()
        self.status.forwardStatus = head.status
        self.status.isStored = head.isKept
        if !head.isKept { self.status.detail = head.why }
        if !head.isKept, self.leads { self.outcome = .pass }
        let now = self.worker.loop.now
        let lines = self.leads ? head.own : head.lines
        let view = AnswerView(
            status: head.status, bytes: lines, lines: 0..<lines.count, smallBody: 0..<0,
            length: head.length, hasBody: head.hasBody, age: head.facts.age(now: now), isNew: true)
        if self.sendHead(view, hasWhole: head.isKept, hasRequestID: head.hasRequestID) { return self.end() }
        self.pump()
    }

    private func selects(_ names: VaryNames, like fetch: CacheFetch) -> Bool {
        var (own, other): ([UInt8], [UInt8]) = ([], [])
        names.append(selecting: self.downstream.head, to: &own)
        names.append(selecting: fetch.head, to: &other)
        return own == other
    }

    /// The answer turned out to be for others: there may be one for us, and others who want the same.
    private func lookAgain(_ fetch: CacheFetch) {
        self.leave()
        let finding = self.worker.look(self.use, self.caller, self.downstream, self.plan)
        // Its key is known only when it is kept: until then this would be the same fetch again.
        if case .fetch(let other, _, let leads) = finding, !leads, other === fetch { return self.goAlone() }
        self.follow(finding)
    }

    private func goAlone() {
        self.leave()
        self.status.isCollapsed = false
        self.pass()
    }

    /// Asks the service as if there were no cache.
    private func pass() {
        self.source = .none
        guard let admission = self.admission.take() else { return }
        let handler = self.worker.forwarding(admission, self.downstream, self.plan, .passes(self.status))
        self.worker.metrics.cacheAsked(cache: self.worker.cacheIndex(of: self.use.plan), outcome: .pass)
        self.successor = handler
        handler.begin()
        if self.isRequestComplete, !self.isOver { handler.requestEnd(nil) }
    }

    // MARK: Answering

    private func serve(_ answer: StoredAnswer) {
        self.source = .answer(answer)
        let view = AnswerView(
            status: Int(answer.status), bytes: answer.bytes, lines: answer.lines, smallBody: answer.smallBody,
            length: answer.length, hasBody: true, age: answer.facts.age(now: self.worker.loop.now), isNew: false)
        if self.sendHead(view, hasWhole: true) { return self.end() }
        self.pump()
    }

    /// Sends what the client gets of an answer: all of it, a part, or that it has not changed. True: with a small body.
    @discardableResult
    private func sendHead(_ view: AnswerView, hasWhole: Bool, hasRequestID: Bool = false) -> Bool {
        self.isAnswering = true
        let request = self.downstream.head
        let sent = view.answer(to: request, hasWhole: hasWhole)
        self.window = sent.window
        self.answeredStatus = sent.head.status
        var edits = HeadEdits()
        if !self.plan.answerEdits.isEmpty { edits = self.plan.answerHeadEdits(self.downstream, self.caller) }
        edits.rateLimit = self.admission?.fields ?? nil
        if !hasRequestID, let trace = self.asked?.trace { edits.requestID = (trace.traceHigh, trace.traceLow) }
        self.downstream.sendStored(sent.head, self.status, edits: edits, body: sent.smallBody)
        return !sent.head.hasBody || !sent.smallBody.isEmpty || sent.window.isEmpty
    }

    private func fail(_ answer: LocalAnswer) {
        var answer = answer
        self.outcome = .miss
        self.answeredStatus = answer.status
        self.why = "the service did not answer"
        answer.rateLimit = self.admission?.fields ?? nil
        self.downstream.answer(answer)
    }

    /// Passes on what there is, as fast as the client takes it.
    private func pump() {
        switch self.source {
        case .none: return
        case .answer(let answer):
            while self.downstream.isWritable, self.piece < answer.pieces.count, !self.isOver {
                self.send(answer.pieces[self.piece])
                self.piece += 1
            }
            if self.piece == answer.pieces.count || self.passed >= self.window.upperBound { return self.end() }
            self.downstream.flush()
        case .fetch(let fetch, let reader):
            while !self.isOver, self.downstream.isWritable {
                switch fetch.state.withLock({ $0.read(reader, self.waiter) }) {
                case .nothing:
                    return self.downstream.flush()
                case .piece(let piece):
                    self.send(piece)
                    fetch.readerMoved()
                    if self.passed >= self.window.upperBound { return self.end() }
                case .end:
                    return self.end(self.leads ? fetch.state.withLock { $0.trailers } : nil)
                case .cutOff:
                    self.why = "the service broke off its answer"
                    return self.downstream.abort()
                }
            }
            self.downstream.flush()
        }
    }

    /// Sends what of a piece lies in the window.
    private func send(_ piece: ByteBuffer) {
        let start = max(0, self.window.lowerBound - self.passed)
        let end = min(piece.readableBytes, self.window.upperBound - self.passed)
        self.passed += piece.readableBytes
        guard start < end, let part = piece.getSlice(at: piece.readerIndex + start, length: end - start) else { return }
        self.downstream.sendBody(part)
    }

    private func end(_ trailers: Trailers? = nil) {
        self.leave()
        self.downstream.sendEnd(trailers)
        self.downstream.flush()
    }

    private func leave() {
        self.stopWaiting()
        if case .fetch(let fetch, let reader) = self.source {
            fetch.state.withLock { $0.leave(reader) }
            fetch.readerMoved()
        }
        self.source = .none
    }

    // MARK: DownstreamHandler

    var keptBytes: Int { self.successor?.keptBytes ?? 0 }
    func requestBody(_ data: ByteBuffer) { self.successor?.requestBody(data) }

    func requestEnd(_ trailers: Trailers?) {
        self.isRequestComplete = true
        self.successor?.requestEnd(trailers)
    }

    func requestReadComplete() { self.successor?.requestReadComplete() }

    func downstreamIsWritable() {
        if let successor = self.successor { successor.downstreamIsWritable() } else if self.isAnswering { self.pump() }
    }

    func exchangeEnded() {
        if let successor = self.successor {
            self.isOver = true
            return successor.exchangeEnded()
        }
        self.account()
    }

    func downstreamClosed(_ reason: DownstreamEnd) {
        if let successor = self.successor {
            self.isOver = true
            return successor.downstreamClosed(reason)
        }
        if self.why.utf8CodeUnitCount == 0 {
            self.why = "the client closed the connection before the answer was complete"
        }
        self.account()
    }

    private func account() {
        guard !self.isOver else { return }
        self.isOver = true
        var entry = AccessEntry()
        entry.unixMilliseconds = WallClock.milliseconds()
        entry.take(self.downstream.peer, of: self.downstream.head)
        self.admission?.tell(&entry, self.worker.snapshot.credentials)
        entry.durationNanoseconds = self.worker.loop.now.nanoseconds(since: self.downstream.startedAt)
        entry.status = self.answeredStatus
        entry.bytesIn = self.downstream.bytesReceived
        entry.bytesOut = self.downstream.bytesSent
        entry.route = self.plan.logName
        entry.why = self.why
        entry.cache = self.outcome
        let service = self.asked?.tellTries(&entry) ?? -1
        self.worker.metrics.cacheAsked(cache: self.worker.cacheIndex(of: self.use.plan), outcome: self.outcome)
        self.worker.account(
            entry, route: self.worker.routeIndex(of: self.plan), service: service, head: self.downstream.head)
        self.admission?.release()
        self.leave()
    }
}
