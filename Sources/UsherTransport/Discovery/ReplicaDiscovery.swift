package import NIOCore
internal import UsherCore

/// Turns a name into replicas: hosts file, A and AAAA, or SRV.
///
/// Who asks keeps the last good set when this throws, whatever the failure.
package struct ReplicaDiscovery: Sendable {
    /// Of more replicas only the first by address count.
    package static let replicasMax = 10_000
    /// For everything that one resolution asks, unless another is given. 30 s.
    package static let limit = Duration.seconds(30)
    /// SRV targets that are asked for at the same time.
    static let targetsAtOnce = 16
    /// For what no server said: it is up to the caller when to look again.
    private static let localTTL = Duration.seconds(86_400)

    private let group: any EventLoopGroup
    private let system: SystemResolver
    private let timeout: Duration?
    private let rounds: Int?
    private let limit: Duration

    /// - Parameters:
    ///   - timeout: for one query to one server; nil: what `/etc/resolv.conf` says, else 2 s.
    ///   - rounds: how often all servers are tried; nil: what `/etc/resolv.conf` says, else 2.
    ///   - limit: for everything that one resolution asks.
    package init(
        on group: any EventLoopGroup, system: SystemResolver = SystemResolver(), timeout: Duration? = nil,
        rounds: Int? = nil, limit: Duration = ReplicaDiscovery.limit
    ) {
        self.group = group
        self.system = system
        self.timeout = timeout
        self.rounds = rounds
        self.limit = limit
    }

    /// Returns within `limit`, and at once when the task is cancelled.
    package func resolve(_ target: DNSTarget) async throws(DNSFailure) -> Discovered {
        let result = await withTaskGroup(of: Result<Discovered, DNSFailure>.self) { group in
            group.addTask { await Self.result { () async throws(DNSFailure) in try await self.find(target) } }
            group.addTask {
                do {
                    try await Task.sleep(for: self.limit)
                } catch {
                    return .failure(.cancelled)
                }
                return .failure(.noAnswer("\(target.name): not resolved within \(self.limit)"))
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? .failure(.cancelled)
        }
        return try result.get()
    }

    private func find(_ target: DNSTarget) async throws(DNSFailure) -> Discovered {
        var found = Findings()
        if let address = IPAddress(text: target.name) {
            guard let port = target.port else { throw .notAskable("an address has no SRV records; give a port") }
            found.add(address, port: port)
            return try found.discovered(target.name, ttl: Self.localTTL)
        }
        let settings = self.system.settings()
        let client = try self.client(for: target, settings)
        guard let port = target.port else { return try await self.findService(target, settings, client) }
        // A server that is named in the configuration is asked even for what the hosts file has.
        let hosts = target.server == nil ? self.system.hosts().addresses(of: target.name) : []
        if !hosts.isEmpty {
            for address in hosts { found.add(address, port: port) }
            return try found.discovered(target.name, ttl: Self.localTTL)
        }
        let addresses = try await Self.first(of: self.candidates(target.name, target, settings), target.name) {
            name throws(DNSFailure) in try await client.addresses(of: name)
        }
        for address in addresses.addresses { found.add(address, port: port) }
        return try found.discovered(target.name, ttl: addresses.ttl)
    }

    // MARK: Names and servers

    private func client(for target: DNSTarget, _ settings: ResolverSettings) throws(DNSFailure) -> DNSClient {
        var own = DNSClient.Settings(servers: settings.servers)
        switch target.server {
        case .ip(let address, let port): own.servers = [DNSServer(address, port: port)]
        case .name, .unix: throw .notAskable("a name server is an IP address with a port")
        case nil: break
        }
        if let timeout = self.timeout ?? settings.timeout { own.timeout = timeout }
        if let rounds = self.rounds ?? settings.rounds { own.rounds = rounds }
        return DNSClient(own, on: self.group)
    }

    /// The machine's search list belongs to the machine's own servers.
    func candidates(_ text: String, _ target: DNSTarget, _ settings: ResolverSettings) -> [DomainName] {
        guard target.server == nil else { return DomainName(text: text).map { [$0] } ?? [] }
        return settings.candidates(for: text)
    }

    /// The first of the names that exists. A name that cannot be asked for ends the search: a later one may belong to
    /// somebody else.
    static func first<Found: Sendable>(
        of names: [DomainName], _ text: String,
        _ ask: (DomainName) async throws(DNSFailure) -> Found
    ) async throws(DNSFailure) -> Found {
        guard !names.isEmpty else { throw .notAskable("'\(text)' is not a name") }
        for name in names {
            do throws(DNSFailure) {
                return try await ask(name)
            } catch .noSuchName {
                continue
            }
        }
        throw .noSuchName(text)
    }

    /// The outcome as a value, for tasks that run side by side.
    static func result<Success>(
        _ body: () async throws(DNSFailure) -> Success
    ) async -> Result<Success, DNSFailure> {
        do throws(DNSFailure) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
}
