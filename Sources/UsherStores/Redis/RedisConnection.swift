internal import NIOCore
internal import UsherCore

/// One connection to a Redis server: greets it, sends calls together, and matches its answers to them.
///
/// Phase    | Meaning                                                | Left when
/// ---------|--------------------------------------------------------|---------------------------------------------
/// greeting | connected; what has to be said first is being answered | all of it is answered, or 1 s is over
/// usable   | calls are sent and answered                            | it ends
/// closed   | of no more use                                         | never
///
/// While usable it may be silent: a call was not answered within its deadline, and nothing else has been since.
///
/// Confinement: the channel's event loop.
final class RedisConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase { case greeting, usable, closed }

    /// For the answers to the greeting. 1 s.
    static let greetingTime = TimeAmount.seconds(1)

    let eventLoop: any EventLoop
    let settings: RedisSettings
    let script: String
    private(set) weak var client: RedisClient?
    private var context: ChannelHandlerContext?

    private(set) var phase = Phase.greeting
    private var greeting: RedisGreeting
    private var greetingTimer: Scheduled<Void>?
    var calls = RedisCalls()
    /// What stands in front of the words of every call.
    var evaluateByDigest = ByteBuffer()
    /// The script is being loaded once more.
    var isLoading = false
    var isDeadlineSet = false
    var silence: RedisSilence?
    var beatTimer: Scheduled<Void>?

    private var reader = RESPReader()
    private var unread = ByteBuffer()
    var outgoing = ByteBuffer()
    /// A buffer whose bytes are sent, for the next ones.
    private var spare = ByteBuffer()
    private var isFlushDue = false

    init(_ settings: RedisSettings, script: String, client: RedisClient) {
        self.eventLoop = client.eventLoop
        self.settings = settings
        self.script = script
        self.client = client
        self.greeting = RedisGreeting(settings)
    }

    var now: MonotonicTime { MonotonicTime(nanoseconds: self.eventLoop.now.uptimeNanoseconds) }

    /// Says what has to be said first. Once, when the channel is connected.
    func greet() {
        self.greeting.write(script: self.script, to: &self.outgoing)
        self.flushLater()
        self.greetingTimer = self.eventLoop.assumeIsolated().scheduleTask(in: Self.greetingTime) {
            guard self.phase == .greeting else { return }
            self.end(RedisFailure(.silent, "connected, but the greeting is not answered"))
        }
    }

    /// Closes the connection, and fails everything that waits.
    func end(_ failure: RedisFailure) {
        guard self.phase != .closed else { return }
        self.phase = .closed
        self.greetingTimer?.cancel()
        self.beatTimer?.cancel()
        self.context?.close(promise: nil)
        self.context = nil
        // First, so that whoever asks again when told finds no connection.
        self.client?.connectionEnded(self, failure)
        self.client = nil
        while let completion = self.calls.endNext() { self.fail(completion, failure) }
    }

    func fail(_ completion: RedisCalls.Completion, _ failure: RedisFailure) {
        _ = completion(.failure(failure))
    }

    // MARK: Sending

    /// Sends `outgoing` once everything has been done that this turn of the loop has brought.
    func flushLater() {
        guard !self.isFlushDue else { return }
        self.isFlushDue = true
        self.eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        self.isFlushDue = false
        guard let context = self.context else { return }
        var bytes = self.outgoing
        self.outgoing = self.spare
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
        // The same memory when the channel is done with it, which it nearly always is.
        bytes.clear()
        self.spare = bytes
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        if self.unread.readableBytes == 0 {
            self.unread = input
        } else {
            self.unread.discardReadBytes()
            self.unread.writeBuffer(&input)
        }
        do throws(RESPProblem) {
            while self.phase != .closed, let reply = try self.reader.next(&self.unread) { self.process(reply) }
        } catch {
            self.end(RedisFailure(.malformed, "what answers is no Redis: \(error)"))
        }
        if self.unread.readableBytes == 0 { self.unread = ByteBuffer() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end(RedisFailure(.disconnected, "the server closed the connection"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.end(RedisFailure(.disconnected, RedisConnecting.describe(error)))
    }

    private func process(_ reply: RESPValue) {
        if case .push = reply { return }
        guard self.phase == .greeting else { return self.answered(reply) }
        switch self.greeting.answered(reply) {
        case .unfinished:
            break
        case .failed(let failure):
            self.end(failure)
        case .ready(let digest):
            self.greetingTimer?.cancel()
            self.evaluateByDigest = Self.prefix("EVALSHA", digest.readableBytesUInt8Span)
            self.phase = .usable
            self.client?.connectionIsUsable(self)
        }
    }

    /// The words in front of a call's own: the command, the script, and that the first word is a key.
    static func prefix(_ command: String, _ script: Span<UInt8>) -> ByteBuffer {
        var prefix = ByteBuffer()
        prefix.writeWord(command.utf8.span)
        prefix.writeWord(script)
        prefix.writeWord(decimal: 1)
        return prefix
    }
}
