import Synchronization
import UsherConfiguration
import UsherCore
import UsherReplication
import UsherTelemetry

/// What makes a replica the same one after a change of the configuration or of a name's addresses.
enum EndpointKey: Sendable, Hashable {
    case address(ReplicaAddress)
    /// A process that Usher runs: its command, folder and number.
    case process(command: [String], folder: String, number: Int)

    var isProcess: Bool {
        switch self {
        case .process: true
        case .address: false
        }
    }
}

/// Where a replica is and whether it may be picked: what a worker asks for that meets it for the first time.
///
/// Written under its service's lock; afterwards every worker is told of each change.
final class EndpointStanding: Sendable {
    struct Value: Sendable {
        var availability = EndpointAvailability()
        /// Nil until a supervised replica's process was started.
        var address: ReplicaAddress?
    }

    private let value = Mutex(Value())

    var now: Value { self.value.withLock { $0 } }

    func set(availability: EndpointAvailability) {
        self.value.withLock { $0.availability = availability }
    }

    func set(address: ReplicaAddress) {
        self.value.withLock { $0.address = address }
    }
}

/// One replica as all workers know it; immutable but for where it stands.
final class EndpointPlan: Sendable {
    let id: EndpointID
    let key: EndpointKey
    /// What metrics, tables and commands call it: its address, or SERVICE/NUMBER when Usher runs it.
    let name: String
    /// The name as the access log writes it.
    let logName: [UInt8]
    /// The Host of requests when `host: replica` says so.
    let host: [UInt8]
    /// Where it is; a process that Usher runs tells its port when it starts.
    let address: ReplicaAddress
    let weight: Int
    let isBackup: Bool
    /// What sessions remember of it.
    let tag: EndpointTag
    let standing: EndpointStanding

    /// - Parameter standing: of the same replica before its weight changed.
    init(_ id: EndpointID, _ replica: ReplicaDescription, standing: EndpointStanding = EndpointStanding()) {
        self.id = id
        self.standing = standing
        self.key = replica.key
        self.name = replica.name
        self.logName = AccessEntry.name(replica.name)
        self.address = replica.address
        self.host = replica.host
        self.weight = replica.weight
        self.isBackup = replica.isBackup
        self.tag = EndpointTag(name: replica.name)
    }
}

/// A replica that a service should have, before it is known whether it has it already.
struct ReplicaDescription: Sendable, Hashable {
    var key: EndpointKey
    var name: String
    var address: ReplicaAddress
    var weight: Int
    var isBackup: Bool

    init(_ address: ReplicaAddress, weight: Int = 1, isBackup: Bool = false) {
        self.key = .address(address)
        self.name = "\(address)"
        self.address = address
        self.weight = weight
        self.isBackup = isBackup
    }

    /// One that is there already.
    init(_ endpoint: EndpointPlan) {
        self.key = endpoint.key
        self.name = endpoint.name
        self.address = endpoint.address
        self.weight = endpoint.weight
        self.isBackup = endpoint.isBackup
    }

    /// The `number`th process of a service that Usher runs.
    init(process number: Int, of service: String, _ run: RunSettings) {
        self.key = .process(command: run.command, folder: run.folder, number: number)
        self.name = "\(service)/\(number)"
        self.address = .ip(IPAddress(v4: 0x7f00_0001), port: 0)
        self.weight = 1
        self.isBackup = false
    }

    var host: [UInt8] {
        switch (self.key, self.address) {
        case (.process, _): Array("127.0.0.1".utf8)
        case (.address, .unix): Array("localhost".utf8)
        case (.address, .ip), (.address, .name): Array("\(self.address)".utf8)
        }
    }

    /// What the configuration lists; nil when the replicas are found by a name.
    static func listed(in settings: ServiceSettings) -> [ReplicaDescription]? {
        switch settings.replicas {
        case .list(let replicas):
            replicas.map { .init($0.address, weight: $0.weight, isBackup: $0.backup) }
        case .run(let run):
            (0..<run.count).map { .init(process: $0, of: settings.name, run) }
        case .dns:
            nil
        }
    }
}

/// The replicas of one service at one moment; immutable, swapped whole.
final class EndpointSet: Sendable {
    let endpoints: [EndpointPlan]
    /// Finds the replica of a session, or of a shard's key; nil for a service that has neither.
    let rendezvous: Rendezvous?

    init(_ endpoints: [EndpointPlan], findsByKey: Bool) {
        self.endpoints = endpoints
        self.rendezvous =
            findsByKey
            ? Rendezvous(endpoints.map { (tag: $0.tag.hash, weight: $0.weight, isBackup: $0.isBackup) })
            : nil
    }

    static let none = EndpointSet([], findsByKey: false)
}
