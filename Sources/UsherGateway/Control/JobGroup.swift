import ServiceLifecycle
import Synchronization

/// The control plane's own tasks: they begin whenever something is to be watched, and all end at shutdown.
///
/// Returns from `run` only when every job has returned, so that no supervised process outlives it.
final class JobGroup: Service {
    typealias Job = @Sendable () async -> Void

    private let jobs: AsyncStream<Job>
    private let continuation: AsyncStream<Job>.Continuation

    init() {
        (self.jobs, self.continuation) = AsyncStream<Job>.makeStream()
    }

    /// Starts a job, at once or as soon as the group runs; after shutdown nothing begins any more.
    func add(_ job: @escaping Job) {
        self.continuation.yield(job)
    }

    func run() async {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for await job in self.jobs { group.addTask { await job() } }
            }
        }
    }
}

/// Ends one job among others.
final class StopSignal: Sendable {
    private let stream: AsyncStream<Never>
    private let continuation: AsyncStream<Never>.Continuation

    init() {
        (self.stream, self.continuation) = AsyncStream<Never>.makeStream()
    }

    func stop() {
        self.continuation.finish()
    }

    /// Runs `work`, which is cancelled when `stop` is called or the caller is cancelled; returns when it has returned.
    func run(_ work: @escaping @Sendable () async -> Void) async {
        await withTaskGroup { group in
            group.addTask { await work() }
            group.addTask { for await _ in self.stream {} }
            await group.next()
            group.cancelAll()
        }
    }
}

/// Lets somebody wait until a number of things have happened.
final class Latch: Sendable {
    private let remaining: Mutex<Int>
    private let stream: AsyncStream<Never>
    private let continuation: AsyncStream<Never>.Continuation

    init(count: Int) {
        self.remaining = Mutex(count)
        (self.stream, self.continuation) = AsyncStream<Never>.makeStream()
        if count <= 0 { self.continuation.finish() }
    }

    func arrive() {
        let isLast = self.remaining.withLock { remaining in
            remaining -= 1
            return remaining == 0
        }
        if isLast { self.continuation.finish() }
    }

    /// Returns when everything has happened, or after `patience`.
    func wait(atMost patience: Duration) async {
        await withTaskGroup { group in
            group.addTask { for await _ in self.stream {} }
            group.addTask { try? await Task.sleep(for: patience) }
            await group.next()
            group.cancelAll()
        }
    }
}
