package import NIOCore
internal import UsherCore

/// Runs one script on a Redis server for one worker, over one connection that is opened anew whenever it is lost.
///
/// Phase      | Meaning                                           | Left when
/// -----------|---------------------------------------------------|----------------------------------------------
/// idle       | not started                                       | `start`
/// connecting | a connection is being opened                      | it is there, or the attempt has failed
/// open       | there is one; it is greeted and then used         | it ends
/// waiting    | the last one ended, or could not be opened        | the back-off is over
/// closed     | nobody asks any more                              | never
///
/// Confinement: one event loop. It must be closed before it is dropped.
package final class RedisClient {
    enum Phase {
        case idle, connecting, waiting, closed
        case open(RedisConnection)
    }

    package let eventLoop: any EventLoop
    let settings: RedisSettings
    let script: String
    private let health: RedisHealth
    let member: RedisHealth.Member
    var phase = Phase.idle
    /// Calls go here; nil: there is none that can be used.
    private var usable: RedisConnection?
    private var usableSince = MonotonicTime.start
    /// Why calls fail, or would.
    private var trouble: RedisFailure? = RedisClient.notConnected
    var backoff = RedisBackoff()
    var random = SeededRandom(seed: .random(in: .min ... .max))
    var retryTimer: Scheduled<Void>?
    private var isSettling = false
    var firstOutcome: EventLoopPromise<Void>?

    private static let notConnected = RedisFailure(.disconnected, "not connected yet")

    /// - Parameter script: in Lua, for one key. It is named by its digest in every call, and loaded whenever the server
    ///   does not know it.
    package init(_ settings: RedisSettings, script: String, on eventLoop: any EventLoop, health: RedisHealth) {
        self.eventLoop = eventLoop
        self.settings = settings
        self.script = script
        self.health = health
        self.member = health.join()
    }

    private var now: MonotonicTime { MonotonicTime(nanoseconds: self.eventLoop.now.uptimeNanoseconds) }

    /// Connects, and connects again for ever.
    ///
    /// - Returns: when calls can be made, or the first attempt has failed; `RedisHealth` knows which.
    package func start() -> EventLoopFuture<Void> {
        guard case .idle = self.phase else { return self.eventLoop.makeSucceededVoidFuture() }
        let promise = self.eventLoop.makePromise(of: Void.self)
        self.firstOutcome = promise
        self.connect()
        return promise.futureResult
    }

    /// Fails everything that waits.
    package func close() {
        if case .closed = self.phase { return }
        let phase = self.phase
        self.phase = .closed
        self.usable = nil
        self.retryTimer?.cancel()
        let failure = RedisFailure(.closed, "closed")
        self.trouble = failure
        if case .open(let connection) = phase { connection.end(failure) }
        self.health.leave(self.member)
        self.firstOutcomeIsThere()
    }

    /// Runs the script once.
    ///
    /// - Parameters:
    ///   - wordCount: of the key, which comes first, and the arguments.
    ///   - write: writes them, with `ByteBuffer.writeWord`.
    ///   - completion: called once, at the latest a moment after the deadline, and at once when nothing can be sent. It
    ///     returns whether an answer was one to this question; if not, the connection is given up.
    package func evaluate(
        wordCount: Int, _ write: (inout ByteBuffer) -> Void,
        completion: @escaping (Result<RESPValue, RedisFailure>) -> Bool
    ) {
        self.eventLoop.assertInEventLoop()
        guard let connection = self.usable, connection.silence == nil else {
            _ = completion(.failure(self.trouble ?? Self.notConnected))
            return
        }
        connection.evaluate(wordCount: wordCount, write, completion: completion)
    }

    // MARK: What the connection tells

    func connectionIsUsable(_ connection: RedisConnection) {
        self.usable = connection
        self.usableSince = self.now
        self.report(nil)
        self.firstOutcomeIsThere()
    }

    func connectionFellSilent(_ connection: RedisConnection) {
        self.report(RedisConnection.unanswered)
    }

    func connectionAnswersAgain(_ connection: RedisConnection) {
        self.report(nil)
    }

    func callsAreRefused(_ failure: RedisFailure) {
        if self.trouble?.code != failure.code { self.report(failure) }
    }

    func callSucceeded() {
        if self.trouble != nil { self.report(nil) }
    }

    func connectionEnded(_ connection: RedisConnection, _ failure: RedisFailure) {
        let lifetime = self.usable === connection ? self.now.elapsed(since: self.usableSince) : .zero
        self.usable = nil
        guard case .open(let current) = self.phase, current === connection else { return }
        self.retry(failure, afterConnectionOf: lifetime)
    }

    // MARK: Health

    func report(_ trouble: RedisFailure?) {
        self.trouble = trouble
        self.health.report(trouble?.reason, of: self.member, now: self.now)
        if trouble == nil { self.settleLater() }
    }

    /// Asks once a while whether the outage is over, as long as there is one and this worker is well.
    private func settleLater() {
        guard !self.isSettling else { return }
        self.isSettling = true
        self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(RedisHealth.calm)) {
            self.isSettling = false
            guard self.trouble == nil else { return }
            if self.health.settle(now: self.now) { self.settleLater() }
        }
    }
}
