public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
public import UsherConfiguration
import UsherConsole
import UsherCore
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

    /// Asks the running gateway to read its configuration anew.
    public let reloads = ReloadRequests()

    private let settings: Settings
    private let source: ConfigurationSource?
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
    ///   - source: where the settings came from; nil: they stay as they are.
    ///   - guardExecutable: the program that guards supervised processes; the running binary itself when it is `usher`.
    ///   - onReady: called once, when requests are taken on every listener and on `admin`.
    public init(
        _ settings: Settings, source: ConfigurationSource? = nil, logger: Logger,
        guardExecutable: String = "/proc/self/exe", onReady: @escaping @Sendable (Bound) -> Void = { _ in }
    ) {
        self.settings = settings
        self.source = source
        self.logger = logger
        self.guardExecutable = guardExecutable
        self.onReady = onReady
    }

    /// - Throws: `GatewayError` and the like, whose description is one line that says what to do.
    public func run() async throws {
        let state = try StateFolder(self.settings.state)
        defer { withExtendedLifetime(state) {} }
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
        let token = try AdminToken.load(stateFolder: self.settings.state)
        let commons = WorkerCommons(audit: try self.openAuditLog(), adminToken: token.text)
        defer { commons.checker.close() }
        let secret = try SessionSecret.load(self.settings, logger: self.logger)
        let seed = UInt64.random(in: .min ... .max)
        let workers = group.makeIterator().enumerated().map { index, eventLoop in
            Worker(
                index: index, of: count, snapshot: .empty(self.settings, seed: seed), eventLoop: eventLoop,
                accessLog: accessLog, commons: commons, logger: self.logger, seed: .random(in: .min ... .max))
        }
        let plane = ControlPlane(
            self.settings, workers: workers, secret: secret, commons: commons,
            guardExecutable: self.guardExecutable, logger: self.logger, seed: seed)
        let problems = await plane.apply(self.settings, waits: false)
        guard problems.isEmpty else { throw GatewayError(problems.joined(separator: "; ")) }
        let front = FrontDoor(limits: self.settings.limits, workers: workers, logger: self.logger)
        let listenerPorts = try await front.open(self.settings)
        let reloader = Reloader(
            self.source, plane: plane, front: front, requests: self.reloads, logger: self.logger)
        let onReady = self.onReady
        let note = AdminAddressNote(self.settings)
        defer { note.remove() }
        let admin = AdminServer(
            address: self.settings.admin.address.forConsole,
            source: GatewayReport(plane: plane, accessLog: accessLog, front: front, reloader: reloader),
            token: token, metricsOpen: self.settings.admin.metricsOpen,
            logger: self.logger,
            onBound: { port in
                note.write(port: port)
                onReady(Bound(listenerPorts: listenerPorts, adminPort: port))
            })
        // The last is stopped first: the front door drains while replicas, admin and log still work.
        let services = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: plane.jobs), .init(service: admin), .init(service: reloader),
                    .init(service: FileWatch(front: front, plane: plane)),
                    .init(service: ShardWatch(plane: plane, logger: logger)),
                    .init(
                        service: PressureWatch(
                            front: front, plane: plane, pressure: commons.pressure, logger: self.logger)),
                    .init(service: front),
                ],
                logger: Self.quiet(self.logger)))
        var failure: (any Error)?
        do { try await services.run() } catch { failure = error }
        for worker in workers {
            try? await worker.loop.eventLoop.submit { worker.close() }.get()
        }
        await accessLog?.close()
        await commons.audit?.close()
        if let failure { throw failure }
    }

    private func openAccessLog() throws -> AccessLogWriter? {
        try Self.destination(self.settings.log.access).map { try AccessLogWriter($0, logger: self.logger) }
    }

    /// Only where there are logins to tell of; keys that come with a reload are audited from the next start on.
    private func openAuditLog() throws -> AuditTrail? {
        guard self.settings.identities.readsCredentials else { return nil }
        return try Self.destination(self.settings.log.audit).map { destination in
            AuditTrail(try AuditLog(destination, logger: self.logger))
        }
    }

    private static func destination(_ setting: LogSettings.Destination) -> AccessLogDestination? {
        switch setting {
        case .off: nil
        case .stdout: .standardOutput
        case .file(let path): .file(path: path)
        }
    }

    /// The service group's own steps are of interest to its developers only.
    private static func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
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
