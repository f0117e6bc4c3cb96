import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherTransport

#if canImport(Glibc)
    import Glibc
#endif

/// The listeners of all workers: opens them, and at shutdown drains what came in through them.
final class FrontDoor: Service {
    private let settings: Settings
    private let workers: [Worker]
    private let logger: Logger
    private let counts: ConnectionCounts
    private let channels = Mutex<[any Channel]>([])
    private let draining = Mutex(false)

    /// Time that requests have to finish once Usher is told to stop.
    private static let drainTime = Duration.seconds(30)

    init(settings: Settings, workers: [Worker], logger: Logger) {
        self.settings = settings
        self.workers = workers
        self.logger = logger
        self.counts = ConnectionCounts(
            .init(total: settings.limits.connections, perClient: settings.limits.connectionsPerClient))
    }

    var isDraining: Bool { self.draining.withLock { $0 } }

    /// Binds every listener on every worker and returns their ports.
    func open() async throws -> [Int] {
        var ports: [Int] = []
        for listener in self.settings.listeners {
            ports.append(try await self.open(listener))
        }
        return ports
    }

    private func open(_ listener: ListenerSettings) async throws -> Int {
        var address = try self.socketAddress(of: listener.address)
        do {
            for worker in self.workers {
                let configuration = Listener.Configuration(
                    address: address, trustedProxies: listener.trustedProxies,
                    limits: ConnectionLimits(self.settings.limits))
                let counts = self.counts
                let channel = try await worker.loop.eventLoop.flatSubmit {
                    Listener.bind(
                        configuration, on: worker.loop, counts: counts, acceptor: worker,
                        onRefused: { [unowned worker] in worker.connectionRefused($0) })
                }.get()
                self.channels.withLock { $0.append(channel) }
                // All workers share the port that the system gave to the first one.
                if let bound = channel.localAddress { address = bound }
                if case .unix = listener.address { break }
            }
        } catch let error as IOError {
            throw GatewayError(Self.complaint(about: listener.address, error))
        }
        return address.port ?? 0
    }

    private func socketAddress(of address: ListenAddress) throws -> SocketAddress {
        switch address {
        case .ip(let ip, let port):
            return try SocketAddress(ip, port: port)
        case .unix(let path):
            // A socket file outlives its process; our lock says that nobody uses this one.
            var status = stat()
            if lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK { unlink(path) }
            return try SocketAddress(unixDomainSocketPath: path)
        }
    }

    private static func complaint(about address: ListenAddress, _ error: IOError) -> String {
        switch error.errnoCode {
        case EADDRINUSE:
            "\(address) is in use by another program; stop it, or change `listeners`"
        case EACCES, EPERM:
            "this user may not listen on \(address); use a port from 1024 up, or give the binary cap_net_bind_service"
        case EADDRNOTAVAIL:
            "\(address) is not an address of this machine; change `listeners`"
        default:
            "cannot listen on \(address): \(String(cString: strerror(error.errnoCode)))"
        }
    }

    // MARK: Service

    /// Waits for shutdown, then drains: no new connections, idle ones closed, running exchanges finished.
    func run() async throws {
        try? await gracefulShutdown()
        self.draining.withLock { $0 = true }
        self.logger.info("draining: no new connections, running requests finish")
        for channel in self.channels.withLock({ $0 }) { try? await channel.close().get() }
        await withTaskGroup { group in
            group.addTask { await self.drainWorkers() }
            group.addTask {
                try? await Task.sleep(for: Self.drainTime)
                for worker in self.workers { worker.loop.eventLoop.execute { worker.closeAll() } }
            }
            await group.next()
            group.cancelAll()
        }
        for listener in self.settings.listeners {
            if case .unix(let path) = listener.address { unlink(path) }
        }
    }

    private func drainWorkers() async {
        await withDiscardingTaskGroup { group in
            for worker in self.workers {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        worker.loop.eventLoop.execute { worker.drain { continuation.resume() } }
                    }
                }
            }
        }
    }
}

extension ConnectionLimits {
    init(_ settings: LimitSettings) {
        self.init()
        self.head = HeadLimits(
            head: settings.head.bytes, requestLine: settings.requestLine.bytes, fields: settings.fields)
        self.headTime = settings.headTime.nanosecondsClamped
        self.idle = settings.idle.nanosecondsClamped
        self.bodyRate = settings.bodyRate.bytesPerSecond
    }
}
