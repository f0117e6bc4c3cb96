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

/// The listeners of all workers: opens and closes them as the configuration says, and at shutdown drains what came in
/// through them.
final class FrontDoor: Service {
    private struct OpenListener: Sendable {
        let id: Int
        let place: ListenerPlace
        var settings: ListenerSettings
        /// One for each worker that listens, with the lock that keeps another Usher away.
        let bound: [BoundListener]
        let lock: ListenerLock?
        let port: Int
    }

    private struct State {
        var listeners: [OpenListener] = []
        var nextID = 0
        var isDraining = false
    }

    private let workers: [Worker]
    private let logger: Logger
    private let counts: ConnectionCounts
    private let state = Mutex(State())

    /// Time that requests have to finish once Usher is told to stop.
    private static let drainTime = Duration.seconds(30)

    init(limits: LimitSettings, workers: [Worker], logger: Logger) {
        self.workers = workers
        self.logger = logger
        self.counts = ConnectionCounts(.init(limits))
    }

    var isDraining: Bool { self.state.withLock { $0.isDraining } }

    // MARK: Listeners

    /// Opens the listeners that are new and updates the others, which keep their connections; returns all ports.
    ///
    /// - Throws: `GatewayError`, and then nothing has changed.
    @discardableResult
    func open(_ settings: Settings) async throws -> [Int] {
        let known = self.state.withLock { $0.listeners }
        let wanted = ListenerPlace.all(in: settings)
        var added: [OpenListener] = []
        do {
            for (place, listener) in wanted where !known.contains(where: { $0.place == place }) {
                added.append(try await self.open(listener, at: place, settings.limits))
            }
        } catch {
            await self.close(added)
            throw error
        }
        self.counts.update(.init(settings.limits))
        let listeners = self.state.withLock { state in
            state.listeners += added
            for index in state.listeners.indices {
                let place = state.listeners[index].place
                if let changed = wanted.first(where: { $0.place == place }) {
                    state.listeners[index].settings = changed.settings
                }
            }
            return state.listeners
        }
        for listener in listeners {
            for (worker, bound) in zip(self.workers, listener.bound) {
                let configuration = ListenerChange(listener.settings, settings.limits)
                worker.loop.eventLoop.execute { configuration.apply(to: bound) }
            }
        }
        return wanted.map { place, _ in listeners.first { $0.place == place }?.port ?? 0 }
    }

    /// Closes the listeners that the configuration has no longer; what came in through them finishes.
    func closeOthers(than settings: Settings) async {
        let gone = self.state.withLock { state in
            let wanted = ListenerPlace.all(in: settings)
            let gone = state.listeners.filter { open in !wanted.contains { $0.place == open.place } }
            state.listeners.removeAll { open in gone.contains { $0.id == open.id } }
            return gone
        }
        await self.close(gone)
        for listener in gone {
            for worker in self.workers {
                worker.loop.eventLoop.execute { worker.drainConnections(of: listener.id) }
            }
        }
    }

    private func open(
        _ listener: ListenerSettings, at place: ListenerPlace, _ limits: LimitSettings
    ) async throws -> OpenListener {
        let lock = try ListenerLock(listener.address)
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        var address = try self.socketAddress(of: listener.address)
        var bound: [BoundListener] = []
        do {
            for worker in self.workers {
                var configuration = Listener.Configuration(
                    address: address, trustedProxies: listener.trustedProxies, limits: ConnectionLimits(limits))
                configuration.id = id
                configuration.proxyProtocol = listener.proxyProtocol
                let counts = self.counts
                let opened = try await worker.loop.eventLoop.flatSubmit { [configuration] in
                    Listener.bind(
                        configuration, on: worker.loop, counts: counts, acceptor: worker,
                        onRefused: { [unowned worker] in worker.connectionRefused($0) })
                }.get()
                bound.append(opened)
                // All workers share the port that the system gave to the first one.
                if let actual = opened.address { address = actual }
                if case .unix = listener.address { break }
            }
        } catch {
            for listener in bound { try? await listener.close().get() }
            guard let error = error as? IOError else { throw error }
            throw GatewayError(Self.complaint(about: listener.address, error))
        }
        return OpenListener(
            id: id, place: place, settings: listener, bound: bound, lock: lock, port: address.port ?? 0)
    }

    private func close(_ listeners: [OpenListener]) async {
        for listener in listeners {
            for (worker, bound) in zip(self.workers, listener.bound) {
                try? await worker.loop.eventLoop.flatSubmit { bound.close() }.get()
            }
            if case .unix(let path) = listener.settings.address { unlink(path) }
        }
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
        let listeners = self.state.withLock { state in
            state.isDraining = true
            return state.listeners
        }
        self.logger.info("draining: no new connections, running requests finish")
        await self.close(listeners)
        await withTaskGroup { group in
            group.addTask { await self.drainWorkers() }
            group.addTask {
                try? await Task.sleep(for: Self.drainTime)
                for worker in self.workers { worker.loop.eventLoop.execute { worker.closeAll() } }
            }
            await group.next()
            group.cancelAll()
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

/// What makes a listener the same one after a reload: its address, and its number among those of port 0.
private struct ListenerPlace: Sendable, Hashable {
    let address: ListenAddress
    let number: Int

    static func all(in settings: Settings) -> [(place: ListenerPlace, settings: ListenerSettings)] {
        var counts: [ListenAddress: Int] = [:]
        return settings.listeners.map { listener in
            let number = counts[listener.address, default: 0]
            counts[listener.address] = number + 1
            return (ListenerPlace(address: listener.address, number: number), listener)
        }
    }
}

/// What a reload may change of a listener that is open.
private struct ListenerChange: Sendable {
    let trustedProxies: [IPRange]
    let proxyProtocol: Bool
    let limits: ConnectionLimits

    init(_ settings: ListenerSettings, _ limits: LimitSettings) {
        self.trustedProxies = settings.trustedProxies
        self.proxyProtocol = settings.proxyProtocol
        self.limits = ConnectionLimits(limits)
    }

    func apply(to listener: BoundListener) {
        listener.configuration.trustedProxies = self.trustedProxies
        listener.configuration.proxyProtocol = self.proxyProtocol
        listener.configuration.limits = self.limits
    }
}

extension ConnectionCounts.Limits {
    init(_ settings: LimitSettings) {
        self.init(total: settings.connections, perClient: settings.connectionsPerClient)
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
