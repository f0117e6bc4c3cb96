import FoundationEssentials
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
        /// Nil: it speaks in the clear.
        var certificates: ListenerCertificates?
        /// One for each worker that listens, with the lock that keeps another Usher away.
        let bound: [BoundListener]
        let lock: ListenerLock?
        let port: Int
    }

    private struct State {
        var listeners: [OpenListener] = []
        var nextID = 0
        var addresses = AddressFiles()
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
        let certificates = try self.certificates(of: wanted, known: known)
        let addresses = try self.addresses(settings.limits)
        var added: [OpenListener] = []
        do {
            // Those that speak TLS first, because others redirect to them.
            for (place, listener) in wanted.filter({ $0.settings.tls != nil })
                + wanted.filter({ $0.settings.tls == nil })
            where !known.contains(where: { $0.place == place }) {
                let configuration = Listener.Configuration(
                    listener, settings.limits, addresses: addresses.rules, certificates: certificates[place]?.current,
                    httpsPort: Self.httpsPort(wanted, known + added))
                added.append(try await self.open(listener, at: place, configuration, certificates[place]))
            }
        } catch {
            await self.close(added)
            throw error
        }
        self.counts.update(.init(settings.limits))
        let listeners = self.state.withLock { state in
            state.addresses = addresses
            state.listeners += added
            let httpsPort = Self.httpsPort(wanted, state.listeners)
            for index in state.listeners.indices {
                let before = state.listeners[index]
                if let changed = wanted.first(where: { $0.place == before.place }) {
                    state.listeners[index].settings = changed.settings
                    state.listeners[index].certificates = certificates[before.place]
                }
                self.apply(state.listeners[index], settings.limits, addresses.rules, httpsPort: httpsPort)
                if state.listeners[index].settings.letsInOthers(than: before.settings) { self.drain(before) }
            }
            return state.listeners
        }
        return wanted.map { place, _ in listeners.first { $0.place == place }?.port ?? 0 }
    }

    private func apply(
        _ listener: OpenListener, _ limits: LimitSettings, _ addresses: AddressRules, httpsPort: Int?
    ) {
        let configuration = Listener.Configuration(
            listener.settings, limits, addresses: addresses, certificates: listener.certificates?.current,
            httpsPort: httpsPort)
        for (worker, bound) in zip(self.workers, listener.bound) {
            worker.loop.eventLoop.execute { bound.configuration = configuration }
        }
    }

    /// The port of the first listener that speaks TLS.
    private static func httpsPort(
        _ wanted: [(place: ListenerPlace, settings: ListenerSettings)], _ open: [OpenListener]
    ) -> Int? {
        let place = wanted.first { $0.settings.tls != nil && $0.settings.address.port != nil }?.place
        return open.first { $0.place == place }?.port
    }

    // MARK: Addresses

    private func addresses(_ limits: LimitSettings) throws(GatewayError) -> AddressFiles {
        do throws(NamedFileProblem) {
            return try AddressFiles(limits)
        } catch {
            throw GatewayError("limits.\(error.key): \(error.message)")
        }
    }

    /// Takes over lists of addresses that have changed.
    func refreshAddresses() {
        let before = self.state.withLock { $0.addresses }
        var addresses = before
        let rules = addresses.refresh(self.logger)
        self.state.withLock { state in
            // A reload may have come in between: then others hold.
            guard state.addresses.isOf(before) else { return }
            state.addresses = addresses
            guard let rules else { return }
            for listener in state.listeners {
                for (worker, bound) in zip(self.workers, listener.bound) {
                    worker.loop.eventLoop.execute { bound.configuration.addresses = rules }
                }
            }
        }
    }

    /// From now on no new connections are let in, or they are again.
    func overload(_ isOverloaded: Bool) {
        self.counts.overload(isOverloaded)
    }

    // MARK: Certificates

    /// The certificates of all listeners that speak TLS: those that did not change go on, others are read.
    private func certificates(
        of wanted: [(place: ListenerPlace, settings: ListenerSettings)], known: [OpenListener]
    ) throws -> [ListenerPlace: ListenerCertificates] {
        var found: [ListenerPlace: ListenerCertificates] = [:]
        var problems: [String] = []
        for (place, listener) in wanted {
            guard let tls = listener.tls else { continue }
            let open = known.first { $0.place == place }
            if let certificates = open?.certificates, certificates.settings == tls {
                found[place] = certificates
                continue
            }
            var logger = self.logger
            logger[metadataKey: "listener"] = "\(listener.address)"
            let certificates = ListenerCertificates(tls, logger: logger)
            found[place] = certificates
            // What starts serves as well as it can; what runs is not replaced by something worse.
            let isRefused = certificates.current == nil || !known.isEmpty
            for file in certificates.files {
                guard let problem = file.problem else { continue }
                if isRefused {
                    problems.append("\(listener.address): \(problem)")
                } else if file.isInUse {
                    logger.error("a certificate is used all the same", metadata: ["problem": "\(problem)"])
                } else {
                    logger.error("a certificate is left out", metadata: ["problem": "\(problem)"])
                }
            }
        }
        guard problems.isEmpty else { throw GatewayError(problems.joined(separator: "; ")) }
        return found
    }

    /// Takes over files that have changed, and swaps what new handshakes use.
    func refreshCertificates() {
        let listeners = self.state.withLock { $0.listeners }
        for listener in listeners {
            guard let certificates = listener.certificates else { continue }
            let change = certificates.refresh()
            guard change != .nothing, let set = certificates.current else { continue }
            self.state.withLock { state in
                // A reload may have come in between: then others hold.
                guard let open = state.listeners.first(where: { $0.id == listener.id }),
                    open.certificates === certificates
                else { return }
                for (worker, bound) in zip(self.workers, open.bound) {
                    worker.loop.eventLoop.execute { bound.configuration.certificates = set }
                }
                if change == .authorities { self.drain(open) }
            }
        }
    }

    /// What came in through a listener finishes, and comes again if it likes.
    private func drain(_ listener: OpenListener) {
        for worker in self.workers {
            worker.loop.eventLoop.execute { worker.drainConnections(of: listener.id) }
        }
    }

    /// The certificates of all open listeners with the addresses of these.
    var certificates: [(address: String, files: [CertificateState])] {
        self.state.withLock { $0.listeners }.compactMap { listener in
            listener.certificates.map { ("\(listener.settings.address.withPort(listener.port))", $0.files) }
        }
    }

    // MARK: Opening and closing

    /// Closes the listeners that the configuration has no longer; what came in through them finishes.
    func closeOthers(than settings: Settings) async {
        let gone = self.state.withLock { state in
            let wanted = ListenerPlace.all(in: settings)
            let gone = state.listeners.filter { open in !wanted.contains { $0.place == open.place } }
            state.listeners.removeAll { open in gone.contains { $0.id == open.id } }
            return gone
        }
        await self.close(gone)
        for listener in gone { self.drain(listener) }
    }

    private func open(
        _ listener: ListenerSettings, at place: ListenerPlace, _ configuration: Listener.Configuration,
        _ certificates: ListenerCertificates?
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
                let (counts, target) = (self.counts, address)
                let opened = try await worker.loop.eventLoop.flatSubmit {
                    Listener.bind(
                        configuration, to: target, id: id, on: worker.loop, counts: counts, acceptor: worker)
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
            id: id, place: place, settings: listener, certificates: certificates, bound: bound, lock: lock,
            port: address.port ?? 0)
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
            let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
            if type == .typeSocket { unlink(path) }
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
