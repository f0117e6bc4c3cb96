import Foundation
import Testing

/// Everything that breaks Usher on purpose: the real binary as a process, hostile clients, replicas that die or lie.
///
/// One after the other, because each test wants the machine and some count what the whole process holds.
@Suite(.serialized, .ownThread) enum FaultTests {}

extension Trait where Self == OwnThread {
    /// Runs tests on a thread that they may block, so that they never hold up the tasks of other suites.
    static var ownThread: Self { OwnThread() }
}

/// Gives tests an executor that they may block.
struct OwnThread: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(BlockingExecutor.shared) { try await function() }
    }
}

private final class BlockingExecutor: TaskExecutor {
    static let shared = BlockingExecutor()
    private let queue = DispatchQueue(label: "fault-tests")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Looks again until `condition` holds, for what neither the kernel nor Usher announces; false after `limit`.
func eventually(within limit: Duration = .seconds(10), _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = ContinuousClock.now.advanced(by: limit)
    while try !condition() {
        if ContinuousClock.now > deadline { return false }
        usleep(5000)
    }
    return true
}

/// Something that a test needs is not there.
struct FaultTestError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
