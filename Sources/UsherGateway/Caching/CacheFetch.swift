import NIOCore
import Synchronization
import UsherCaching
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherStores
import UsherTelemetry
import UsherTransport

/// One answer on its way from a service: for the request that missed it first, for those that came meanwhile, and for
/// the cache.
///
/// To the exchange that gets it, this is the client. Readers on any loop follow what arrives; each has its own speed,
/// so that a slow client holds up nobody. An answer that is kept flows in as fast as the service sends it; one that is
/// not is only let in as fast as its readers take it.
///
/// Confinement: the leader's event loop, but for `state`.
final class CacheFetch: Downstream, @unchecked Sendable {
    /// Bytes of an answer that is not kept, and that its slowest reader has not taken yet.
    static let windowBytes = 256 * 1024

    let worker: Worker
    let use: CacheUse
    /// Of the target, with its selecting fields where they are known to matter.
    let key: KeyedHash
    /// Of the target alone.
    let base: KeyedHash
    /// `http://host/path?query`, for purging.
    let target: [UInt8]
    /// What it may freshen.
    let stale: StoredAnswer?
    /// What the leader's request says of stale answers.
    let directives: RequestDirectives
    /// A purge has come since it was asked for: its answer is not kept.
    let isPurged = Atomic<Bool>(false)
    /// Nobody waits for it: a stale answer was given meanwhile.
    let isBackground: Bool
    private let isAuthorized: Bool

    // Downstream
    let head: RequestHead
    let peer: Peer
    let listener: ListenerRules
    let startedAt: MonotonicTime
    var bytesReceived: Int { 0 }
    private(set) var bytesSent = 0

    let state = Mutex(FetchState())
    private var exchange: Exchange?
    /// What it did, when it is over.
    private var tries: (told: AccessEntry.Tries, service: Int)?
    private var received: ReceivedAnswer?
    /// What of it counts against all that is on its way. Unit: bytes.
    private var filling = 0
    /// What still comes is nobody's.
    private var isDone = false

    init(
        _ worker: Worker, _ use: CacheUse, key: KeyedHash, base: KeyedHash, target: [UInt8], of head: RequestHead,
        _ downstream: any Downstream, _ directives: RequestDirectives, stale: StoredAnswer?, isBackground: Bool,
        isAuthorized: Bool
    ) {
        self.worker = worker
        self.use = use
        self.key = key
        self.base = base
        self.target = target
        self.stale = stale
        self.directives = directives
        self.isBackground = isBackground
        self.isAuthorized = isAuthorized
        self.head = head
        self.peer = downstream.peer
        self.listener = downstream.listener
        self.startedAt = worker.loop.now
    }

    deinit {
        // Its pieces were there as long as anybody read them.
        self.stopFilling()
    }

    /// Asks the service.
    func start(_ exchange: Exchange) {
        self.exchange = exchange
        exchange.begin()
        exchange.requestEnd(nil)
    }

    /// Where it was asked for, for the leader's line in the access log; returns the number of the service.
    func tellTries(_ entry: inout AccessEntry) -> Int {
        guard let tries = self.exchange?.tries(now: self.worker.loop.now) ?? self.tries else { return -1 }
        entry.tries = tries.told
        return tries.service
    }

    /// The trace under which the service was asked; nil: it was not.
    var trace: TraceContext? { self.exchange?.trace ?? self.tries?.told.trace }

    // MARK: The answer

    func sendHead(_ head: ResponseHead, edits: HeadEdits) {
        let directives = ResponseDirectives(head)
        let now = self.worker.loop.now
        let facts = AnswerFacts(
            head, directives, requestedAt: self.startedAt, receivedAt: now, unixSeconds: WallClock.seconds)
        if let stale = self.stale {
            if head.status == 304 { return self.freshen(stale, head) }
            if ReuseRule.isServerError(head.status), self.mayServe(stale) {
                return self.settle(.answer(stale, forwardStatus: head.status, isStored: false))
            }
        }
        let request = StorageRequest(
            isGet: self.head.method == .get, isAuthorized: self.isAuthorized, hasNoStore: self.directives.noStore)
        var (lines, own): ([UInt8], [UInt8]) = ([], [])
        StoredFields.write(head, directives, date: self.worker.loop.dateLine, to: &lines)
        StoredFields.writeWhole(head, date: self.worker.loop.dateLine, to: &own)
        if let added = edits.addedLines { own.append(contentsOf: added.readableBytesView) }
        let names = self.use.names(head)
        var length: Int?
        if case .length(let known) = head.framing { length = known }
        if case .none = head.framing { length = 0 }
        var received = ReceivedAnswer(
            status: head.status, lines: lines, own: own, hasRequestID: head.known.contains(.xRequestID), length: length,
            hasBody: head.framing != .none, facts: facts, names: names, tags: SurrogateTags.read(head).map(Self.hash))
        switch StorageRule.judge(request, head, directives, facts) {
        case .store:
            if names == nil {
                received.why = StorageRefusal.vary.word
            } else if (length ?? 0) > self.limit {
                received.why = "too-long"
            } else if !self.extensionFits(head) {
                received.why = "content-type"
            } else {
                received.isKept = true
            }
        case .refuse(let refusal):
            received.why = refusal.word
        }
        self.received = received
        if !received.isKept {
            // An outage is no property of a target.
            if head.status < 500 { self.rememberPass(now) }
            self.leaveTable()
        }
        self.change { state in
            state.head = received
            if !received.isKept { state.stopKeeping() }
        }
        if !received.isKept { self.checkReadersSoon() }
    }

    private var limit: Int { Int(clamping: self.use.plan.settings.objectLimit.bytes) }

    func sendBody(_ data: ByteBuffer) {
        guard !self.isDone, data.readableBytes > 0 else { return }
        self.bytesSent += data.readableBytes
        if self.received?.isKept == true {
            self.filling += data.readableBytes
            let hasRoom = self.use.plan.memory.fill(data.readableBytes)
            if !hasRoom || self.bytesSent > self.limit { self.stopKeeping() }
        }
        var piece = data
        // A slice holds the whole buffer that it lies in.
        if data.readableBytes < data.storageCapacity / 2 {
            piece = ByteBufferAllocator().buffer(capacity: data.readableBytes)
            piece.writeImmutableBuffer(data)
        }
        self.change { $0.append(piece) }
    }

    /// It is too long, or too much comes at once. Who reads it goes on; who comes now asks for itself.
    private func stopKeeping() {
        self.received?.isKept = false
        self.leaveTable()
        self.rememberPass(self.worker.loop.now)
        self.stopFilling()
        self.change { $0.stopKeeping() }
        self.checkReadersSoon()
    }

    private func stopFilling() {
        self.use.plan.memory.filled(self.filling)
        self.filling = 0
    }

    func sendEnd(_ trailers: Trailers?) {
        guard !self.isDone else { return self.exchangeIsOver() }
        self.isDone = true
        if let received = self.received, received.isKept { self.keep(received) }
        self.leaveTable()
        self.change { state in
            state.trailers = trailers
            state.isComplete = true
        }
        self.exchangeIsOver()
    }

    func flush() {}

    func sendInformational(_ head: ResponseHead) {}
    /// A request with `Upgrade` is never fetched.
    func sendUpgrade(_ head: ResponseHead, edits: HeadEdits) { self.abort() }
    func sendStored(_ head: StoredHead, _ status: CacheStatus, edits: HeadEdits, body: Range<Int>) { self.abort() }

    var answerCanBeReplaced: Bool { false }
    /// The service did not answer: this is what Usher says in its place.
    func answer(_ answer: LocalAnswer) {
        if let stale = self.stale, self.mayServe(stale) {
            self.settle(.answer(stale, forwardStatus: nil, isStored: false))
        } else {
            self.settle(.failed(answer))
        }
        self.exchangeIsOver()
    }

    func abort() {
        self.isDone = true
        self.leaveTable()
        self.change { $0.isCutOff = true }
        self.exchangeIsOver()
    }

    func pauseBody() {}
    func resumeBody() {}

    var isWritable: Bool {
        self.state.withLock { $0.isKeeping || $0.waitingBytes < Self.windowBytes }
    }

    // MARK: Ends

    /// Nothing more of the answer is wanted from the exchange but that it ends.
    private func exchangeIsOver() {
        guard let exchange = self.exchange else { return }
        self.exchange = nil
        self.tries = exchange.tries(now: self.worker.loop.now)
        exchange.exchangeEnded()
    }

    func settle(_ outcome: FetchOutcome) {
        self.isDone = true
        self.leaveTable()
        self.change { $0.outcome = outcome }
    }

    /// It was never asked for: there is an answer already, or no service.
    func settleUnasked(_ answer: StoredAnswer?) {
        self.settle(answer.map { .answer($0, forwardStatus: nil, isStored: true) } ?? .released)
    }

    private func leaveTable() { self.use.plan.memory.fetches.remove(self) }

    /// The answer is not kept: the next ones, which pass the cache by, would be newer than one from before it.
    private func rememberPass(_ now: MonotonicTime) {
        self.use.plan.memory.fetches.pass(self.key, of: self.base, until: now.advanced(by: Self.passTime))
        self.use.plan.memory.store.remove(self.key)
    }

    /// How long requests for a target whose answer was not kept do not wait for each other.
    private static let passTime = Duration.seconds(10)

    private func mayServe(_ stale: StoredAnswer) -> Bool {
        ReuseRule.mayServeOnError(stale.facts, self.directives, now: self.worker.loop.now)
    }

    // MARK: Readers

    /// Changes what readers see, and wakes those that wait.
    func change(_ body: (inout FetchState) -> Void) {
        let waiters = self.state.withLock { state in
            body(&state)
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.wake() }
    }

    /// A reader has taken something, or has left.
    func readerMoved() {
        let loop = self.worker.loop.eventLoop
        if loop.inEventLoop { self.readersChanged() } else { loop.execute { self.readersChanged() } }
    }

    /// Whoever read it may have left before it was known that it is not kept.
    private func checkReadersSoon() {
        self.worker.loop.eventLoop.execute { self.readersChanged() }
    }

    private func readersChanged() {
        guard !self.isDone, let exchange = self.exchange else { return }
        let (hasNoReader, isWritable) = self.state.withLock { state in
            (state.hasNoReader, state.isKeeping || state.waitingBytes < Self.windowBytes)
        }
        // An answer that is kept is worth having without a reader.
        let isWanted = self.received.map(\.isKept) ?? self.isBackground
        if hasNoReader, !isWanted {
            self.isDone = true
            self.exchange = nil
            self.leaveTable()
            // Who joins at this very moment asks for itself.
            self.change { $0.isCutOff = true }
            exchange.downstreamClosed(.aborted)
        } else if isWritable {
            exchange.downstreamIsWritable()
        }
    }

    /// Hashes a tag; also what a purge looks for.
    static func hash(_ tag: [UInt8]) -> UInt64 {
        var hash = SipHash(key: (0, 0))
        hash.append(tag.span)
        return hash.finish()
    }
}
