public import UsherCore
public import UsherReplication

/// A name that requests are sent to, and how its replicas are found, chosen and judged.
public struct ServiceSettings: Sendable, Hashable {
    public var name: String
    /// An empty list when the service is sharded: its shards have the replicas.
    public var replicas: ReplicaSource
    /// Nil: every replica can answer for every key.
    public var sharded: ShardedSettings?
    public var balance = BalancePolicy.leastRequests
    /// Nil: replicas are ready at once.
    public var readiness: ReadinessSettings?
    /// Nil (`ejection: none`): only readiness and failed connects take a replica out.
    public var ejection: EjectionSettings? = EjectionSettings()
    /// At or below this ready share, replicas that once were ready are used. Range: 0%...100%. Default: 0%.
    public var panic = Share(percent: 0)
    /// In which a replica that comes back grows to its full part. Range: 0 s...1 h. Default: 10 s. Zero: at once.
    public var slowStart = Duration.seconds(10)
    /// Nil: every request may go to any replica.
    public var session: SessionSettings?
    public var retries = RetrySettings()
    public var timeouts = TimeoutSettings()
    public var connections = ConnectionSettings()
    public var host = HostPolicy.keep
    /// Nil: replicas are spoken to in the clear.
    public var tls: UpstreamTLSSettings?

    public init(name: String, replicas: ReplicaSource) {
        self.name = name
        self.replicas = replicas
    }
}

public enum ReplicaSource: Sendable, Hashable {
    /// No address twice, and never empty where replicas are listed.
    case list([ReplicaSettings])
    /// Usher starts and watches them.
    case run(RunSettings)
    /// A name that is looked up again and again.
    case dns(DNSSettings)

    /// Those that are written down.
    var listed: [ReplicaSettings] {
        if case .list(let replicas) = self { replicas } else { [] }
    }
}

public struct ReplicaSettings: Sendable, Hashable {
    public var address: ReplicaAddress
    /// Its part of the requests, relative to the others'. Range: 1...1000. Default: 1.
    public var weight = 1
    /// Used only when no other replica is ready.
    public var backup = false

    public init(address: ReplicaAddress) {
        self.address = address
    }
}

public struct RunSettings: Sendable, Hashable {
    /// The program and its arguments; `{port}` stands in at least one of them for the port to listen on, and `{shard}`
    /// for the name of the shard whose replica it is.
    public var command: [String]
    /// Range: 1...256. Default: 1.
    public var count = 1
    /// Absolute path of the folder in which the command starts.
    public var folder: String

    public init(command: [String], folder: String) {
        self.command = command
        self.folder = folder
    }
}

/// Replicas that are found by a DNS name.
public struct DNSSettings: Sendable, Hashable {
    /// Lower-case; ends in a point when it is complete and must not be searched for in the system's domains.
    public var name: String
    /// The replicas' port. Nil: the name is that of SRV records (RFC 2782), which say it.
    public var port: Int?
    /// The longest time between two look-ups. Range: 1 s...1 h. Default: 5 s.
    public var every = Duration.seconds(5)
    /// The server that is asked, always `.ip`. Nil: those of the system.
    public var server: ReplicaAddress?

    public init(name: String, port: Int?) {
        self.name = name
        self.port = port
    }
}

public struct RetrySettings: Sendable, Hashable {
    /// Tries of one request, the first included. Range: 1...10. Default: 2.
    public var attempts = 2
    /// Retries as a share of requests. Default: 20%.
    public var budget = Share(percent: 20)
    /// Retries that are always allowed. Default: 10 a second.
    public var floor = Rate(count: 10, per: .seconds(1))

    public init() {}
}

public struct TimeoutSettings: Sendable, Hashable {
    /// Until a connection to a replica stands. Default: 1 s.
    public var connect = Duration.seconds(1)
    /// Until the first byte of one try's answer. Default: 30 s.
    public var response = Duration.seconds(30)
    /// The queue and all tries of one request together. Default: 60 s.
    public var total = Duration.seconds(60)
    /// Silence inside an exchange or a tunnel. Default: 60 s.
    public var idle = Duration.seconds(60)

    public init() {}
}

/// Connections to replicas; totals over all workers.
public struct ConnectionSettings: Sendable, Hashable {
    /// Range: 1...1,000,000. Default: 256.
    public var perReplica = 256
    /// Requests that wait for a connection; beyond it 503. Range: 0...1,000,000. Default: 128.
    public var queue = 128
    /// How long an idle connection is kept for the next request. Default: 60 s.
    public var keep = Duration.seconds(60)

    public init() {}
}

/// Which `Host` a replica sees.
public enum HostPolicy: String, CaseIterable, Sendable, Hashable {
    /// The client's.
    case keep
    /// The replica's own address.
    case replica
}
