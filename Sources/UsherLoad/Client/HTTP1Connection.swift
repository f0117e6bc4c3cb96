internal import NIOCore
internal import NIOTLS
internal import UsherHTTP

/// One HTTP/1.1 connection of a run: a request, its answer, the next request.
///
/// Confinement: the channel's event loop.
final class HTTP1Connection: ChannelInboundHandler, LoadConnection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let worker: LoadWorker
    /// Where the worker keeps this connection.
    private let slot: Int
    private let requests: PreparedRequests
    private let waitsForTLS: Bool
    /// An answer's head may be so large. Servers' own limits are smaller.
    private let limits = HeadLimits(head: 65_536, fields: 200)
    private let head = ResponseHead()
    private var reader: BodyReader?
    private var attempt: Attempt?
    private var method = Method.get
    /// Of the answer that is being read, with its head.
    private var received = 0
    private var isReady = false
    private var context: ChannelHandlerContext?

    init(_ worker: LoadWorker, slot: Int, requests: PreparedRequests, waitsForTLS: Bool) {
        self.worker = worker
        self.slot = slot
        self.requests = requests
        self.waitsForTLS = waitsForTLS
    }

    var room: Int { self.isReady && self.attempt == nil ? 1 : 0 }

    func send(_ attempt: Attempt) {
        guard let context = self.context else {
            return self.worker.failed(attempt, .reset, "the connection is closed", now: LoadWorker.now)
        }
        self.attempt = attempt
        let request = self.requests.plain[attempt.request]
        self.method = request.method
        self.received = 0
        context.writeAndFlush(self.wrapOutboundOut(request.bytes.bytes(attempt.number)), promise: nil)
    }

    func expire(startedBy start: UInt64, now: UInt64) {
        guard let attempt = self.attempt, attempt.start <= start else { return }
        self.fail(.timeout, "no whole answer in time", now: now)
    }

    func close() {
        self.context?.close(promise: nil)
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if !self.waitsForTLS { self.ready() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { self.ready() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        guard self.attempt != nil else {
            // Bytes that nobody asked for: what follows cannot be told from an answer.
            return self.leave()
        }
        self.received += input.readableBytes
        if self.reader == nil, !self.readHead(&input) { return }
        self.readBody(&input)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        if self.attempt != nil {
            if self.reader?.endOfInput() == .complete {
                self.finish()
            } else {
                self.fail(.reset, "the connection was closed before the answer was complete", now: LoadWorker.now)
            }
        }
        self.leave()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.attempt != nil {
            self.fail(.reset, LoadWorker.describe(error), now: LoadWorker.now)
        } else {
            self.worker.closed(self.slot, self, reason: LoadWorker.describe(error))
            self.close()
        }
    }

    private func ready() {
        guard !self.isReady else { return }
        self.isReady = true
        self.worker.opened(self.slot, self)
    }

    // MARK: Answers

    private func readHead(_ input: inout ByteBuffer) -> Bool {
        while true {
            switch self.head.parse(&input, requestMethod: self.method, limits: self.limits) {
            case .needsMore:
                return false
            case .refused(let refusal):
                self.fail(.malformed, refusal.reason, now: LoadWorker.now)
                return false
            case .complete where self.head.isInterim:
                self.head.reset()
            case .complete where self.head.status == 101:
                self.fail(.malformed, "another protocol that nobody asked for", now: LoadWorker.now)
                return false
            case .complete:
                self.reader = BodyReader(self.head.framing, limits: self.limits)
                return true
            }
        }
    }

    private func readBody(_ input: inout ByteBuffer) {
        while let piece = self.reader?.next(&input) {
            switch piece {
            case .data:
                continue
            case .needsMore:
                if self.reader?.isComplete == true { self.finish(left: input.readableBytes) }
                return
            case .end:
                return self.finish(left: input.readableBytes)
            case .refused(let refusal):
                return self.fail(.malformed, refusal.reason, now: LoadWorker.now)
            }
        }
    }

    /// - Parameter left: bytes behind the answer, which make the connection useless.
    private func finish(left: Int = 0) {
        guard let attempt = self.attempt else { return }
        let now = LoadWorker.now
        let status = self.head.status
        let cache = self.cacheOutcome
        let isUsable = self.head.keepAlive && left == 0 && self.context != nil
        self.attempt = nil
        self.reader = nil
        self.head.reset()
        self.worker.answered(attempt, status: status, bytes: self.received, cache: cache, now: now)
        if isUsable { self.worker.hasRoom(self.slot, now: now) } else { self.leave() }
    }

    private func fail(_ failure: LoadFailure, _ reason: String, now: UInt64) {
        guard let attempt = self.attempt else { return }
        self.attempt = nil
        self.worker.failed(attempt, failure, reason, now: now)
        self.leave()
    }

    /// Ends the connection. Its place is free at once: the end of TLS may take a while.
    private func leave() {
        self.isReady = false
        self.close()
        self.worker.closed(self.slot, self, reason: "the connection was closed before it could be used")
    }

    private var cacheOutcome: CacheOutcome? {
        for field in self.head.fields where field.id == .other && field.name.count == 12 {
            guard self.head.equalsIgnoringCase(field.name, "cache-status") else { continue }
            let outcome = self.head.withBytes(field.value) { CacheOutcome(cacheStatus: $0) }
            if let outcome { return outcome }
        }
        return nil
    }
}
