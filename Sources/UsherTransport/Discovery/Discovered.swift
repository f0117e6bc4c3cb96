package import UsherCore

/// What is to be resolved into replicas.
package struct DNSTarget: Sendable, Hashable {
    /// A host name or an IP address; with `port` nil the whole name of a service, such as `_http._tcp.cart.internal`.
    package var name: String
    /// Nil: the SRV records of the name tell ports, weights and priorities.
    package var port: Int?
    /// Asked instead of the machine's own servers and files; an address with a port.
    package var server: ReplicaAddress?

    package init(name: String, port: Int?, server: ReplicaAddress? = nil) {
        self.name = name
        self.port = port
        self.server = server
    }
}

/// One replica that a name led to.
package struct DiscoveredReplica: Sendable, Hashable {
    /// Always an IP address with its port.
    package var address: ReplicaAddress
    /// 1...1000.
    package var weight: Int
    /// Of a higher SRV priority number than the lowest: used when the others are not ready.
    package var isBackup: Bool

    package init(address: ReplicaAddress, weight: Int = 1, isBackup: Bool = false) {
        self.address = address
        self.weight = weight
        self.isBackup = isBackup
    }
}

/// All replicas of a name, in the order of their addresses, each once; never empty.
package struct Discovered: Sendable, Hashable {
    package var replicas: [DiscoveredReplica]
    /// How long the answers may be kept: the shortest of their TTLs, or a day when no server was asked.
    package var ttl: Duration
    /// How many replicas were left out because there are more than `ReplicaDiscovery.replicasMax`.
    package var dropped = 0
}

/// Replicas as they are found, each address once.
struct Findings {
    /// More than this is no service but a lie, and is refused whole.
    static let addressesMax = 65_536

    private var replicas: [Place: DiscoveredReplica] = [:]

    private struct Place: Hashable, Comparable {
        var address: IPAddress
        var port: Int

        static func < (left: Place, right: Place) -> Bool {
            left.address != right.address ? left.address < right.address : left.port < right.port
        }
    }

    /// Of two with the same address the primary counts, and then the heavier.
    mutating func add(_ address: IPAddress, port: Int, weight: Int = 1, isBackup: Bool = false) {
        guard self.replicas.count <= Self.addressesMax else { return }
        let place = Place(address: address, port: port)
        let new = DiscoveredReplica(
            address: .ip(address, port: port), weight: min(max(weight, 1), 1000), isBackup: isBackup)
        if let old = self.replicas[place], (old.isBackup ? 0 : 1, old.weight) >= (new.isBackup ? 0 : 1, new.weight) {
            return
        }
        self.replicas[place] = new
    }

    func discovered(_ name: String, ttl: Duration) throws(DNSFailure) -> Discovered {
        guard !self.replicas.isEmpty else { throw .noSuchName(name) }
        guard self.replicas.count <= Self.addressesMax else {
            throw .noAnswer("\(name): more than \(Self.addressesMax) addresses")
        }
        let all = self.replicas.sorted { $0.key < $1.key }
        let kept = all.prefix(ReplicaDiscovery.replicasMax)
        return Discovered(
            replicas: kept.map(\.value), ttl: ttl, dropped: all.count - kept.count)
    }
}
