public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
public import UsherConfiguration
import UsherConsole
import UsherCore
import UsherHTTP
import UsherTelemetry
import UsherTransport

#if canImport(Glibc)
    import Glibc
#endif

/// A whole Usher: listeners, routes, services, replicas and the admin server, from settings to a running service.
///
///     let settings = try ConfigurationReader.read(file: "usher.yaml", environment: [:])
///     try await Gateway(settings, logger: Logger(label: "usher")).run()
///
/// Add it to a `ServiceGroup`: graceful shutdown drains, that is, stops accepting, finishes what runs, then returns.
public struct Gateway: Service {
    /// What `usher --version` and the metrics say.
    public static let version = "0.1.0"

    private let settings: Settings
    private let logger: Logger
    private let guardExecutable: String
    private let onReady: @Sendable (Bound) -> Void

    /// The addresses in use, with the ports that the system chose for port 0.
    public struct Bound: Sendable, Hashable {
        /// In the order of `listeners`; 0 for a unix socket.
        public var listenerPorts: [Int]
        public var adminPort: Int
    }

    /// - Parameters:
    ///   - guardExecutable: the program that guards supervised processes; the running binary itself when it is `usher`.
    ///   - onReady: called once, when requests are taken on every listener and on `admin`.
    public init(
        _ settings: Settings, logger: Logger, guardExecutable: String = "/proc/self/exe",
        onReady: @escaping @Sendable (Bound) -> Void = { _ in }
    ) {
        self.settings = settings
        self.logger = logger
        self.guardExecutable = guardExecutable
        self.onReady = onReady
    }

    /// - Throws: `GatewayError` and the like, whose description is one line that says what to do.
    public func run() async throws {
        let locks = try GatewayLocks(self.settings)
        defer { withExtendedLifetime(locks) {} }
        let count = self.settings.workers ?? System.coreCount
        let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        do {
            try await self.run(on: group, workers: count)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func run(on group: MultiThreadedEventLoopGroup, workers count: Int) async throws {
        let accessLog = try self.openAccessLog()
        let snapshot = Snapshot(self.settings, workers: count, seed: .random(in: .min ... .max))
        let workers = group.makeIterator().enumerated().map { index, eventLoop in
            Worker(
                index: index, snapshot: snapshot, workers: count, eventLoop: eventLoop, accessLog: accessLog,
                seed: .random(in: .min ... .max))
        }
        let boards = snapshot.services.map(ServiceMonitor.board)
        let front = FrontDoor(settings: self.settings, workers: workers, logger: self.logger)
        let listenerPorts = try await front.open()
        let monitors = zip(snapshot.services, boards).map { plan, board in
            ServiceMonitor(
                plan: plan, board: board, workers: workers, guardExecutable: self.guardExecutable, logger: self.logger)
        }
        let report = GatewayReport(
            snapshot: snapshot, workers: workers, boards: boards, accessLog: accessLog, front: front)
        let onReady = self.onReady
        let admin = AdminServer(
            address: self.settings.admin.address.forConsole, source: report,
            token: try AdminToken.load(stateFolder: self.settings.state), metricsOpen: self.settings.admin.metricsOpen,
            logger: self.logger,
            onBound: { port in onReady(Bound(listenerPorts: listenerPorts, adminPort: port)) })
        // The last is stopped first: the front door drains while replicas, admin and log still work.
        let services = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: Supervision(monitors: monitors)),
                    .init(service: admin),
                    .init(service: front),
                ],
                logger: Self.quiet(self.logger)))
        var failure: (any Error)?
        do { try await services.run() } catch { failure = error }
        for worker in workers {
            try? await worker.loop.eventLoop.submit { worker.close() }.get()
        }
        await accessLog?.close()
        if let failure { throw failure }
    }

    private func openAccessLog() throws -> AccessLogWriter? {
        switch self.settings.log.access {
        case .off: nil
        case .stdout: try AccessLogWriter(.standardOutput, logger: self.logger)
        case .file(let path): try AccessLogWriter(.file(path: path), logger: self.logger)
        }
    }

    /// The service group's own steps are of interest to its developers only.
    private static func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }
}

/// Runs the monitors of all services until shutdown, and returns when no process of theirs is left.
private struct Supervision: Service {
    let monitors: [ServiceMonitor]

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for monitor in self.monitors { group.addTask { await monitor.run() } }
                // Without services there is nothing to watch, but ending would end the whole group.
                group.addTask { try? await gracefulShutdown() }
            }
        }
    }
}

extension ListenAddress {
    fileprivate var forConsole: AdminAddress {
        switch self {
        case .ip(let address, let port): .ip(address, port: port)
        case .unix(let path): .unix(path: path)
        }
    }
}
