import FoundationEssentials
import Logging
import ServiceLifecycle
import Synchronization
import UsherConfiguration
import UsherConsole
import UsherTelemetry

/// Where settings come from, so that they can be read anew while they are in force.
public struct ConfigurationSource: Sendable {
    /// Watched: a change of it is taken over about a second later.
    public var file: String
    /// For the variables in the file.
    public var environment: [String: String]
    /// The file as it was when the source was made: before anything was read from it.
    fileprivate let stamp: FileStamp?

    /// To be made before the settings are read, so that no change of the file in between is missed.
    public init(file: String, environment: [String: String]) {
        self.file = file
        self.environment = environment
        self.stamp = FileStamp(file)
    }
}

/// Asks a running gateway to read its configuration anew, from any task.
public struct ReloadRequests: Sendable {
    let stream: AsyncStream<Reloader.Request>
    private let continuation: AsyncStream<Reloader.Request>.Continuation

    init() {
        (self.stream, self.continuation) = AsyncStream<Reloader.Request>.makeStream()
    }

    /// Returns at once; the log says what came of it.
    public func reload() {
        self.continuation.yield(.init(isDryRun: false, reason: "asked to", answer: nil))
    }

    func send(_ request: Reloader.Request) {
        // Whoever waits for an answer keeps the admin server from ending.
        if case .terminated = self.continuation.yield(request) {
            request.answer?(ReloadReport(outcome: .refused, problems: ["this Usher is shutting down"]))
        }
    }
}

/// Takes a changed configuration over while everything runs: reads, compares, swaps; or says why not.
final class Reloader: Service {
    struct Request: Sendable {
        var isDryRun: Bool
        var reason: String
        var answer: (@Sendable (ReloadReport) -> Void)?
    }

    private let source: ConfigurationSource?
    private let plane: ControlPlane
    private let front: FrontDoor
    private let requests: ReloadRequests
    private let logger: Logger
    private let counted = Mutex(ReloadCounts())

    /// How often the file is looked at; a change is taken over when two looks in a row find the same.
    private static let watchInterval = Duration.milliseconds(500)

    init(
        _ source: ConfigurationSource?, plane: ControlPlane, front: FrontDoor, requests: ReloadRequests, logger: Logger
    ) {
        self.source = source
        self.plane = plane
        self.front = front
        self.requests = requests
        self.logger = logger
    }

    var counts: ReloadCounts { self.counted.withLock { $0 } }

    /// Asks for a reload and waits for what came of it.
    func reload(dryRun: Bool) async -> ReloadReport {
        await withCheckedContinuation { continuation in
            self.requests.send(
                .init(isDryRun: dryRun, reason: "asked to", answer: { continuation.resume(returning: $0) }))
        }
    }

    // MARK: Service

    func run() async {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.watchFile() }
                for await request in self.requests.stream {
                    let report = await self.carryOut(request)
                    request.answer?(report)
                }
            }
        }
    }

    private func watchFile() async {
        guard let source = self.source else { return }
        let file = source.file
        var inForce = source.stamp
        var seen = inForce
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.watchInterval)
            let stamp = FileStamp(file)
            // Half a file is not what its author means: it has to lie still first.
            if stamp == seen, stamp != inForce, stamp != nil {
                inForce = stamp
                self.requests.send(.init(isDryRun: false, reason: "the file changed", answer: nil))
            }
            seen = stamp
        }
    }

    // MARK: One reload

    private func carryOut(_ request: Request) async -> ReloadReport {
        let report = await self.report(on: request)
        if request.isDryRun { return report }
        self.counted.withLock { counts in
            switch report.outcome {
            case .applied: counts.applied += 1
            case .unchanged: counts.unchanged += 1
            case .refused: counts.refused += 1
            case .wouldApply: break
            }
        }
        self.log(report, request)
        return report
    }

    private func report(on request: Request) async -> ReloadReport {
        guard let source = self.source else {
            return ReloadReport(outcome: .refused, problems: ["this Usher was started without a file"])
        }
        // What it would open now would only have to be closed again.
        guard !self.front.isDraining else {
            return ReloadReport(outcome: .refused, problems: ["this Usher is shutting down"])
        }
        let settings: Settings
        do throws(ConfigurationProblems) {
            settings = try ConfigurationReader.read(file: source.file, environment: source.environment)
        } catch {
            return ReloadReport(outcome: .refused, problems: error.problems.map { "\($0)" })
        }
        let running = self.plane.now.snapshot.settings
        let difference = SettingsDifference(from: running, to: settings)
        let changes = difference.entries.map(ReloadReport.Change.init)
        // What needs a restart differs at every reload until then.
        guard changes.contains(where: { !$0.needsRestart }) else {
            return ReloadReport(outcome: .unchanged, changes: changes)
        }
        if request.isDryRun { return ReloadReport(outcome: .wouldApply, changes: changes) }
        // Sockets first: they are what can fail.
        do {
            try await self.front.open(settings)
        } catch {
            return ReloadReport(outcome: .refused, problems: ["\(error)"], changes: changes)
        }
        let problems = await self.plane.apply(settings.keeping(restartOnlyOf: running), waits: true)
        guard problems.isEmpty else {
            _ = try? await self.front.open(running)
            await self.front.closeOthers(than: running)
            return ReloadReport(outcome: .refused, problems: problems, changes: changes)
        }
        await self.front.closeOthers(than: settings)
        return ReloadReport(outcome: .applied, changes: changes)
    }

    private func warnOfRestarts(_ report: ReloadReport) {
        for change in report.changes where change.needsRestart {
            self.logger.warning(
                "a changed setting takes effect only when Usher is started anew",
                metadata: ["setting": "\(change.path)"])
        }
    }

    private func log(_ report: ReloadReport, _ request: Request) {
        switch report.outcome {
        case .applied:
            self.logger.notice(
                "configuration reloaded",
                metadata: ["reason": "\(request.reason)", "changes": "\(report.changes.count)"])
            self.warnOfRestarts(report)
        case .unchanged:
            self.logger.info("nothing to reload", metadata: ["reason": "\(request.reason)"])
            self.warnOfRestarts(report)
        case .refused:
            for problem in report.problems {
                self.logger.error("the new configuration is refused", metadata: ["problem": "\(problem)"])
            }
        case .wouldApply:
            break
        }
    }
}
