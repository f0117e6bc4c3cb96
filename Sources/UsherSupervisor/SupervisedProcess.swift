public import Logging
import UsherCore

/// Keeps one replica process running: starts it on a free port, and again with backoff whenever it ends.
///
/// The command runs under a guard (a small process of our own binary, see CUsherGuard) that kills its whole process
/// tree, grandchildren and daemons included, when the command ends, when it is told to, and when Usher is gone.
public struct SupervisedProcess: Sendable {
    /// The running binary itself, also after the file it came from was replaced.
    public static let ownExecutable = "/proc/self/exe"

    /// Names the process in its output lines and in the log, such as `catalogue/0`.
    public let name: String
    /// How long SIGTERM may take before SIGKILL follows; default 5 s.
    public var grace: Duration = .seconds(5)
    public var backoff = RestartBackoff.Configuration()
    public var ports = ReplicaPorts.shared
    public var output = OutputForwarder.standardError

    private let specification: @Sendable (_ port: Int) -> ProcessSpecification
    private let guardExecutable: String
    private let logger: Logger
    private let events: @Sendable (ProcessEvent) -> Void

    /// - Parameters:
    ///   - guardExecutable: a program that calls `usher_guard_main` when started with `__guard`.
    ///   - events: called from the task that runs `run()`, or from one inside it; must not block.
    ///   - specification: asked before each start, with the port that the replica is to listen on.
    public init(
        name: String,
        guardExecutable: String = Self.ownExecutable,
        logger: Logger,
        events: @escaping @Sendable (ProcessEvent) -> Void,
        specification: @escaping @Sendable (_ port: Int) -> ProcessSpecification
    ) {
        self.name = name
        self.guardExecutable = guardExecutable
        self.logger = logger
        self.events = events
        self.specification = specification
    }

    /// Runs until the task is cancelled; returns when no process of the tree is left.
    ///
    /// Cancelling asks the process group to stop with SIGTERM and kills everything after `grace`.
    public func run() async {
        var backoff = RestartBackoff(configuration: backoff)
        var random = SeededRandom(seed: .random(in: .min ... .max))
        var port: Int?
        var lastComplaint: String?
        var shortLives = 0
        defer { if let port { ports.giveBack(port) } }
        while !Task.isCancelled {
            port = usablePort(insteadOf: port)
            let began = ContinuousClock.now
            let outcome = if let port { await runOnce(on: port) } else { Self.noPort }
            let lifetime = ContinuousClock.now - began
            let wait = Task.isCancelled ? nil : backoff.delay(afterRunOf: lifetime, random: &random)
            report(outcome, wait: wait, lastComplaint: &lastComplaint)
            guard let wait else { return }
            shortLives = lifetime < self.backoff.provenAfter ? shortLives + 1 : 0
            if shortLives > 1, let used = port {
                // Twice in a row looks like a port that it cannot have: the next try gets another.
                ports.giveBack(used)
                port = nil
                shortLives = 0
            }
            try? await Task.sleep(for: wait)
        }
    }

    private static let noPort = GuardedRun.Outcome.neverStarted(
        "no free TCP port is left on this machine; close what listens, or lower `count`")

    /// The same port as before keeps the replica's address, and with it its sessions and shard keys.
    private func usablePort(insteadOf last: Int?) -> Int? {
        guard let last else { return ports.take() }
        if ports.isUsable(last) { return last }
        ports.giveBack(last)
        return ports.take()
    }

    private func runOnce(on port: Int) async -> GuardedRun.Outcome {
        let run = GuardedRun(
            name: name, specification: specification(port), guardExecutable: guardExecutable, grace: grace,
            output: output)
        let (stop, stopper) = AsyncStream.makeStream(of: Never.self)
        return await withTaskCancellationHandler {
            await uninterrupted {
                await run.run(until: stop) { pid in
                    let facts = metadata(["pid": "\(pid)", "port": "\(port)"])
                    logger.debug("A replica's process was started", metadata: facts)
                    events(.started(pid: pid, port: port))
                }
            }
        } onCancel: {
            stopper.finish()
        }
    }

    private func report(_ outcome: GuardedRun.Outcome, wait: Duration?, lastComplaint: inout String?) {
        switch outcome {
        case .ended(let status):
            if let wait {
                logger.warning(
                    "A replica's process ended and will be started again",
                    metadata: metadata(["status": "\(status)", "restart-in": "\(wait)"]))
            }
            lastComplaint = nil
            events(.exited(status, willRestartIn: wait))
        case .neverStarted(let complaint):
            // Said once, not at every try: nothing changes until somebody acts.
            if complaint != lastComplaint {
                logger.error("A replica's process cannot be started", metadata: metadata(["reason": "\(complaint)"]))
            }
            lastComplaint = complaint
            events(.startFailed(complaint, willRetryIn: wait))
        }
    }

    private func metadata(_ values: Logger.Metadata) -> Logger.Metadata {
        values.merging(["replica": "\(name)"]) { $1 }
    }
}

/// Runs `body` to its end although the calling task may be cancelled; the caller still waits for it.
///
/// The one place where a task is made outside the tree: a process is stopped by talking to it, while a cancelled task
/// could neither wait for it nor read its last lines.
private func uninterrupted<Result: Sendable>(_ body: @escaping @Sendable () async -> Result) async -> Result {
    await Task { await body() }.value
}
