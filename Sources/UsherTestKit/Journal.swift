import NIOCore
import NIOPosix
import Synchronization

/// Events in the order in which they happened, noted by one part of a test and awaited by another.
public final class Journal<Entry: Sendable>: Sendable {
    private struct State {
        var entries: [Entry] = []
        var waiting: [(count: Int, promise: EventLoopPromise<Void>)] = []
    }

    private let state = Mutex(State())

    public init() {}

    deinit {
        for waiter in self.state.withLock({ $0.waiting }) {
            waiter.promise.fail(TestKitError.ended("nobody is left to note an event"))
        }
    }

    /// Everything noted so far.
    public var entries: [Entry] { self.state.withLock { $0.entries } }

    /// - Returns: the number of the entry, from 1. Counting `entries` afterwards may count somebody else's as well.
    @discardableResult
    public func note(_ entry: Entry) -> Int {
        let (number, due) = self.state.withLock { state in
            state.entries.append(entry)
            let count = state.entries.count
            let due = state.waiting.filter { $0.count <= count }
            state.waiting.removeAll { $0.count <= count }
            return (count, due)
        }
        for waiter in due { waiter.promise.succeed() }
        return number
    }

    /// Waits until at least `count` entries are there.
    ///
    /// - Parameter limit: after which it throws. Default: 30 s.
    /// - Returns: all entries.
    @discardableResult
    public func wait(for count: Int, limit: Duration = .seconds(30)) async throws -> [Entry] {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let promise = loop.makePromise(of: Void.self)
        let isThere = self.state.withLock { state in
            if state.entries.count >= count { return true }
            state.waiting.append((count, promise))
            return false
        }
        if isThere { promise.succeed() }
        let timer = loop.scheduleTask(in: TimeAmount(limit)) {
            promise.fail(TestKitError.timedOut("\(count) events, \(self.entries.count) came: \(self.entries)"))
        }
        defer { timer.cancel() }
        try await promise.futureResult.get()
        return self.entries
    }
}

/// Something that happens once, and that others wait for instead of sleeping.
public final class Signal: Sendable {
    private let journal = Journal<Bool>()

    public init() {}

    public var hasFired: Bool { !self.journal.entries.isEmpty }

    /// Lets everybody go on who waits, now and later; firing again changes nothing.
    public func fire() {
        self.journal.note(true)
    }

    /// - Parameter limit: after which it throws. Default: 30 s.
    public func wait(limit: Duration = .seconds(30)) async throws {
        try await self.journal.wait(for: 1, limit: limit)
    }
}
