import NIOCore
import NIOPosix
import Synchronization
import UsherCore
import UsherIdentities
import UsherQuotas
import UsherStores
import UsherTelemetry
import UsherTransport

/// Verifies tokens and passwords on threads of its own, because that takes from tens of microseconds to tens of
/// milliseconds, and no event loop may wait that long.
final class CredentialChecker: Sendable {
    /// Tokens that may wait at once, and passwords.
    private static let waitingTokens = 1024
    private static let waitingPasswords = 64
    /// Wrong passwords of one client, /64 for IPv6: ten at once, then one every six seconds.
    private static let wrongPasswords = limit(Rate(count: 10, per: .seconds(60)), burst: 10)
    /// Wrong tokens of one client: a hundred at once, then ten a second. Nobody guesses one, but they cost time.
    private static let wrongTokens = limit(Rate(count: 10, per: .seconds(1)), burst: 100)

    private static func failures(_ kind: CredentialKind) -> QuotaLimit {
        kind == .token ? self.wrongTokens : self.wrongPasswords
    }

    private static func limit(_ rate: Rate, burst: Int) -> QuotaLimit {
        QuotaLimit(name: "failures", windows: [QuotaWindow(clamping: rate, burst: burst)])
    }

    private let tokens = BoundedThreads(max(1, System.coreCount / 2), waitingMaximum: waitingTokens)
    // Threads of their own: a flood of guessed passwords holds up nobody's token.
    private let passwords = BoundedThreads(max(1, System.coreCount / 4), waitingMaximum: waitingPasswords)
    private let guesses = LocalQuotaStore(windows: 1, capacity: 65_536)

    private let sawUnknownKey = Atomic<Bool>(false)

    /// Whether a token was signed with an unknown key since the last call.
    func takeUnknownKey() -> Bool { self.sawUnknownKey.exchange(false, ordering: .relaxed) }

    func close() {
        self.tokens.close()
        self.passwords.close()
    }

    /// `done` gets the verdict and when a good one is to be looked at again, in seconds since the Unix epoch; it is
    /// called on the event loop, at once when there is no room.
    ///
    /// - Parameter client: whose guesses are counted.
    func verify(
        _ secret: ShownCredentials.Secret, from client: IPAddress?, by credentials: Credentials, now: Int64,
        monotonic: MonotonicTime, on eventLoop: any EventLoop,
        _ done: @escaping (_ verdict: CredentialVerdict, _ until: Int64) -> Void
    ) {
        let kind = secret.kind
        let key = self.key(of: client, kind)
        guard self.mayGuess(key, Self.failures(kind), now: monotonic) else {
            return done(.invalid(.tooManyFailures), now)
        }
        // Nobody fills the queue in front of others.
        let threads = kind == .token ? self.tokens : self.passwords
        guard self.guesses.begin(key, limit: threads.waitingMaximum / 4) else { return done(.invalid(.tooBusy), now) }
        self.run(threads, on: eventLoop, now) { verdict, until in
            self.guesses.end(key)
            done(verdict, until)
        } _: {
            // Looked at again when it is its turn, so that many wrong ones at once are no more guesses than one by one,
            // and right ones are none at all.
            self.verdict(on: secret, of: key, by: credentials, now: now, monotonic: monotonic)
        }
    }

    /// The same on this thread, which takes as long as it takes.
    func verdict(
        on secret: ShownCredentials.Secret, from client: IPAddress?, by credentials: Credentials, now: Int64,
        monotonic: MonotonicTime
    ) -> CredentialVerdict {
        self.verdict(
            on: secret, of: self.key(of: client, secret.kind), by: credentials, now: now, monotonic: monotonic
        ).verdict
    }

    private func key(of client: IPAddress?, _ kind: CredentialKind) -> KeyedHash {
        let address = client?.clientKey.networkBytes ?? []
        return self.guesses.key(address.span, space: UInt64(kind.rawValue))
    }

    private func verdict(
        on secret: ShownCredentials.Secret, of key: KeyedHash, by credentials: Credentials, now: Int64,
        monotonic: MonotonicTime
    ) -> (verdict: CredentialVerdict, until: Int64) {
        let failures = Self.failures(secret.kind)
        guard self.mayGuess(key, failures, now: monotonic) else { return (.invalid(.tooManyFailures), now) }
        let result = credentials.verdict(on: secret, now: now)
        switch result.verdict {
        // It costs nothing to see, and after a change of keys, also to another kind, good callers come with it.
        case .invalid(.token(.unknownKey)), .invalid(.token(.unsupportedAlgorithm)):
            self.sawUnknownKey.store(true, ordering: .relaxed)
        case .invalid(let fault) where fault.isFinal:
            _ = self.guesses.take(key, failures, cost: 1, now: monotonic)
        case .invalid, .caller: break
        }
        return result
    }

    private func mayGuess(_ key: KeyedHash, _ failures: QuotaLimit, now: MonotonicTime) -> Bool {
        var debts = self.guesses.debts(of: key, failures, now: now)
        return failures.offer(cost: 1, debts: &debts)
    }

    private func run(
        _ threads: BoundedThreads, on eventLoop: any EventLoop, _ now: Int64,
        _ done: @escaping (CredentialVerdict, Int64) -> Void,
        _ work: @escaping @Sendable () -> (verdict: CredentialVerdict, until: Int64)
    ) {
        threads.run(on: eventLoop, work) { result in
            done(result?.verdict ?? .invalid(.tooBusy), result?.until ?? now)
        }
    }
}

/// Threads with a bound on what may wait for them.
private final class BoundedThreads: Sendable {
    private let threads: NIOThreadPool
    private let waiting = Atomic<Int>(0)
    let waitingMaximum: Int

    init(_ count: Int, waitingMaximum: Int) {
        self.threads = NIOThreadPool(numberOfThreads: count)
        self.waitingMaximum = waitingMaximum
        self.threads.start()
    }

    func close() {
        self.threads.shutdownGracefully { _ in }
    }

    /// `done` is called on the event loop; with nil, and at once, when too many wait or the threads are closed.
    func run<Result: Sendable>(
        on eventLoop: any EventLoop, _ work: @escaping @Sendable () -> Result, done: @escaping (Result?) -> Void
    ) {
        let before = self.waiting.add(1, ordering: .relaxed).oldValue
        guard before < self.waitingMaximum else {
            self.waiting.subtract(1, ordering: .relaxed)
            return done(nil)
        }
        self.threads.runIfActive(eventLoop: eventLoop) { work() }.assumeIsolated().whenComplete { result in
            self.waiting.subtract(1, ordering: .relaxed)
            done(try? result.get())
        }
    }
}
