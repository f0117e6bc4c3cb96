import Logging
import NIOPosix
import UsherConfiguration
import UsherCore
import UsherReplication
import UsherTelemetry
import UsherTransport

/// What is known of the name that a service's replicas are found by.
struct DiscoveryState: Sendable {
    let settings: DNSSettings
    let stop = StopSignal()
    /// Milliseconds since the Unix epoch; nil before the first good answer.
    var answeredAt: Int64?
    var count = 0
    /// Why the latest look-up failed.
    var failure: String?
    var counts = DiscoveryCounts()
}

/// Looks a service's name up again and again, and gives the service the replicas that it finds.
struct DiscoveryWatch: Sendable {
    private let settings: DNSSettings
    private let control: ServiceControl
    private let plane: ControlPlane
    private let discovery: ReplicaDiscovery

    init(_ settings: DNSSettings, control: ServiceControl, plane: ControlPlane) {
        self.settings = settings
        self.control = control
        self.plane = plane
        // Not on a worker's loop: a long answer takes milliseconds to read.
        self.discovery = ReplicaDiscovery(on: MultiThreadedEventLoopGroup.singleton)
    }

    private var target: DNSTarget {
        DNSTarget(name: self.settings.name, port: self.settings.port, server: self.settings.server)
    }

    /// Looks up once; nil when there is no good answer.
    func lookUp() async -> [ReplicaDescription]? {
        (try? await self.discovery.resolve(self.target)).map(Self.describe)
    }

    private static func describe(_ found: Discovered) -> [ReplicaDescription] {
        found.replicas.map { ReplicaDescription($0.address, weight: $0.weight, isBackup: $0.isBackup) }
    }

    func run() async {
        var schedule = DiscoverySchedule(every: self.settings.every)
        var random = SeededRandom(seed: .random(in: .min ... .max))
        while !Task.isCancelled {
            let delay: Duration
            do throws(DNSFailure) {
                let found = try await self.discovery.resolve(self.target)
                if Task.isCancelled { return }
                if found.dropped > 0 { self.warn(ofDropped: found.dropped) }
                await self.take(Self.describe(found))
                delay = schedule.succeeded(ttl: found.ttl, random: &random)
            } catch {
                if Task.isCancelled { return }
                self.failed(error)
                delay = schedule.failed(random: &random)
            }
            try? await Task.sleep(for: delay)
        }
    }

    private func take(_ replicas: [ReplicaDescription]) async {
        let isSame = self.control.withState { state in
            let isSame = state.set.describes(replicas)
            let failure = state.discovery?.failure
            state.discovery?.answeredAt = WallClock.milliseconds()
            state.discovery?.failure = nil
            state.discovery?.count = replicas.count
            if isSame { state.discovery?.counts.unchanged += 1 } else { state.discovery?.counts.changed += 1 }
            if failure != nil {
                self.control.logger.info("the name resolves again", metadata: ["service": "\(self.control.name)"])
            }
            return isSame
        }
        if isSame { return }
        self.control.logger.info(
            "the name resolves to other replicas",
            metadata: [
                "service": "\(self.control.name)", "name": "\(self.settings.name)",
                "replicas": "\(replicas.prefix(16).map(\.name).joined(separator: " "))",
            ])
        await self.plane.replaceReplicas(of: self.control, with: replicas, foundBy: self.settings)
    }

    private func warn(ofDropped count: Int) {
        self.control.logger.warning(
            "a name has more replicas than a service may have; the rest is left out",
            metadata: ["service": "\(self.control.name)", "left-out": "\(count)"])
    }

    /// The replicas of the last good answer stay: their health says whether they can be used.
    private func failed(_ failure: DNSFailure) {
        let text = "\(failure)"
        let (isNew, hadAnswer) = self.control.withState { state in
            state.discovery?.counts.failed += 1
            defer { state.discovery?.failure = text }
            return (state.discovery?.failure != text, state.discovery?.answeredAt != nil)
        }
        // Said once, not with every attempt.
        guard isNew else { return }
        self.control.logger.warning(
            hadAnswer
                ? "cannot look up the name of a service's replicas; the last good answer stays in force"
                : "cannot look up the name of a service's replicas, so it has none yet",
            metadata: ["service": "\(self.control.name)", "reason": "\(text)"])
    }
}

extension EndpointSet {
    /// The set has exactly these replicas, in whatever order.
    func describes(_ replicas: [ReplicaDescription]) -> Bool {
        guard self.endpoints.count == replicas.count else { return false }
        let wanted = Dictionary(replicas.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        return self.endpoints.allSatisfy { endpoint in
            guard let replica = wanted[endpoint.key] else { return false }
            return replica.weight == endpoint.weight && replica.isBackup == endpoint.isBackup
        }
    }
}

extension ServiceControl {
    func isDiscovering(_ settings: DNSSettings) -> Bool {
        self.withState { $0.discovery?.settings == settings }
    }

    /// Keeps exactly the look-ups going that the plan in force asks for.
    func startDiscovery(_ plane: ControlPlane) {
        let started = self.withState { state -> DiscoveryState? in
            var wanted: DNSSettings?
            if case .dns(let settings) = state.plan.settings.replicas { wanted = settings }
            if state.discovery?.settings == wanted { return nil }
            state.discovery?.stop.stop()
            state.discovery = wanted.map { DiscoveryState(settings: $0) }
            return state.discovery
        }
        guard let started else { return }
        let watch = DiscoveryWatch(started.settings, control: self, plane: plane)
        self.jobs.add { await started.stop.run { await watch.run() } }
    }

    /// The configuration has the service no longer.
    func dismissAll() {
        let ids = self.withState { state in
            state.discovery?.stop.stop()
            state.discovery = nil
            state.set = .none
            return Array(state.records.keys)
        }
        self.dismiss(ids)
    }
}
