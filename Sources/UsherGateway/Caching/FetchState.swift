import NIOCore
import UsherCaching
import UsherCore
import UsherHTTP
import UsherTransport

/// The head of an answer that is on its way, as readers need it.
struct ReceivedAnswer: Sendable {
    var status: Int
    var lines: [UInt8]
    /// For the client whose request it was: with its cookies, and all else that is not kept.
    var own: [UInt8]
    var hasRequestID: Bool
    /// Of the body; nil: it ends when it ends.
    var length: Int?
    var hasBody: Bool
    var facts: AnswerFacts
    /// Nil: no other request may have this answer.
    var names: VaryNames?
    var tags: [UInt64]
    /// It goes into the cache when it is whole.
    var isKept = false
    /// Why not: a token for `Cache-Status`.
    var why: StaticString = ""
}

/// How a fetch ended that brought no answer of its own.
enum FetchOutcome: Sendable {
    /// An answer of the cache: freshened, or stale because the service failed.
    case answer(StoredAnswer, forwardStatus: Int?, isStored: Bool)
    /// The service did not answer.
    case failed(LocalAnswer)
    /// Everybody asks for itself.
    case released
}

/// Somebody who waits for news of a fetch.
struct FetchWaiter: Sendable {
    let eventLoop: any EventLoop
    let call: @Sendable () -> Void

    func wake() {
        if self.eventLoop.inEventLoop { self.call() } else { self.eventLoop.execute(self.call) }
    }
}

/// What readers of a fetch see of it.
struct FetchState: Sendable {
    var head: ReceivedAnswer?
    var outcome: FetchOutcome?
    /// Of the body, from piece number `first` on.
    private(set) var pieces: [ByteBuffer] = []
    private(set) var first = 0
    private(set) var isKeeping = true
    var isComplete = false
    /// Of a body that is complete; for the client whose request it was.
    var trailers: Trailers?
    /// The answer broke off.
    var isCutOff = false
    /// Where each reader is: the number of the piece that it takes next; nil: it has left.
    private var places: [Int?] = []
    private var waiters: [FetchWaiter] = []

    /// What a reader gets.
    enum News {
        case nothing
        case piece(ByteBuffer)
        case end
        case cutOff
    }

    mutating func join() -> Int {
        self.places.append(self.first)
        return self.places.count - 1
    }

    mutating func leave(_ reader: Int) {
        guard self.places.indices.contains(reader) else { return }
        self.places[reader] = nil
        self.trim()
    }

    /// Nobody reads it now.
    var hasNoReader: Bool { self.places.allSatisfy { $0 == nil } }

    /// Bytes that the slowest reader has not taken.
    var waitingBytes: Int { self.pieces.reduce(0) { $0 + $1.readableBytes } }

    mutating func append(_ piece: ByteBuffer) {
        self.pieces.append(piece)
        self.trim()
    }

    mutating func stopKeeping() {
        self.isKeeping = false
        self.head?.isKept = false
        self.trim()
    }

    /// What a reader has not seen yet; it has taken it then.
    mutating func read(_ reader: Int, _ waiter: FetchWaiter) -> News {
        guard self.places.indices.contains(reader), let place = self.places[reader] else { return .cutOff }
        let next = max(0, place - self.first)
        if self.pieces.indices.contains(next) {
            // One at a time: the client may have no room for the next.
            let piece = self.pieces[next]
            self.places[reader] = self.first + next + 1
            self.trim()
            return .piece(piece)
        }
        if self.isComplete { return .end }
        if self.isCutOff { return .cutOff }
        self.waiters.append(waiter)
        return .nothing
    }

    mutating func wait(_ waiter: FetchWaiter) { self.waiters.append(waiter) }

    mutating func takeWaiters() -> [FetchWaiter] {
        let waiters = self.waiters
        self.waiters = []
        return waiters
    }

    /// Drops what nobody needs any more.
    private mutating func trim() {
        guard !self.isKeeping else { return }
        let least = self.places.compactMap { $0 }.min() ?? self.first + self.pieces.count
        guard least > self.first else { return }
        self.pieces.removeFirst(least - self.first)
        self.first = least
    }
}
