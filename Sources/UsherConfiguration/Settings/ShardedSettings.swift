public import UsherCore
public import UsherSharding

/// How a service's keys are parted among shards, each of which is a replicated service of its own.
public struct ShardedSettings: Sendable, Hashable {
    /// What of a request makes its key; several parts are joined by their lengths. Never empty.
    public var key: [KeyRule.Part]
    /// Absolute path of the table that turns addresses into countries, a `CIDR,CODE` a line. Nil: no part asks for it.
    public var countries: String?
    /// Where a request without a key goes. Default: nowhere, it is refused with 400.
    public var missing = MissingKey.refuse
    public var function = ShardingFunction.rendezvous
    /// In the order of the file, which means nothing. Never empty, no name twice.
    public var shards: [ShardSettings] = []
    public var overflow = ShardOverflow.none
    /// The most requests in flight at one shard, as a share of the average; beyond it keys go to the next shard.
    /// Nil: as it falls.
    public var atMost: Share?
    /// Nil: every key stays with its shard, however often it is asked for.
    public var hotKeys: HotKeySettings?
    /// Nil: a shard that does not have a key's value says so.
    public var dualRead: DualReadSettings?
    /// How much of a request is read for a key in its body; longer ones are refused with 413.
    /// Range: 1 KiB...16 MiB. Default: 64 KiB.
    public var bodyLimit = ByteCount.kibibytes(64)

    public init(key: [KeyRule.Part]) {
        self.key = key
    }
}

public struct ShardSettings: Sendable, Hashable {
    /// What keys are mapped to: a shard that moves to other machines keeps its keys.
    public var name: String
    public var replicas: ReplicaSource
    /// Its part of the keys, relative to the others'. Range: 1...1000. Default: 1.
    public var weight = 1
    /// Function `ranges`: where its ranges begin; each goes up to where the next one of any shard begins.
    public var from: [String] = []
    /// Function `map`: the keys it owns.
    public var keys: [String] = []

    public init(name: String, replicas: ReplicaSource) {
        self.name = name
        self.replicas = replicas
    }
}

public enum MissingKey: Sendable, Hashable {
    /// 400: whoever asks has to say whose data is meant.
    case refuse
    /// The name of a shard.
    case shard(String)
}

/// Where the keys of a shard may go of which no replica can be used.
public enum ShardOverflow: String, CaseIterable, Sendable, Hashable {
    /// Nowhere: 503 for these keys, and for these alone.
    case none
    /// To the shard that comes next in the key's own order.
    case next
}

/// When a key is asked for so often that its shard alone should not have to answer, and who else does.
public struct HotKeySettings: Sendable, Hashable {
    public enum Across: String, CaseIterable, Sendable, Hashable {
        /// Keys have a replica of their own in their shard; a hot one has several.
        case replicas
        /// Other shards answer for a hot key as well.
        case shards
    }

    /// The part of its shard's requests from which on a key is hot; below half of it, it no longer is.
    /// Range: 0.1%...100%. Default: 10%.
    public var above = Share(percent: 10)
    /// At most how many replicas or shards answer for a hot key; fewer when these are enough. Range: 2...256. Default:
    /// 2.
    public var copies = 2
    public var across = Across.replicas
    /// Requests that may change something are spread as well, not only GET and HEAD. Default: false.
    public var writes = false

    public init() {}
}

/// While a map is new, who had a key before is asked when its new owner answers 404 to a GET.
public struct DualReadSettings: Sendable, Hashable {
    /// Seconds since the Unix epoch.
    public var until: Int

    public init(until: Int) {
        self.until = until
    }
}

extension ShardedSettings {
    /// What the functions of UsherSharding need to know of the shards.
    public var mapped: [Shard] {
        self.shards.map { shard in
            Shard(
                name: shard.name, weight: shard.weight, from: shard.from.map { Array($0.utf8) },
                keys: shard.keys.map { Array($0.utf8) })
        }
    }
}

extension ServiceSettings {
    /// A shard as a replicated service: everything but its replicas is as for the whole.
    ///
    /// Its name is SERVICE/SHARD, which nothing in a file can be called. `{shard}` in a command is its name.
    public func service(of shard: ShardSettings) -> ServiceSettings {
        var service = self
        service.name = "\(self.name)/\(shard.name)"
        service.sharded = nil
        service.replicas = shard.replicas
        if case .run(var run) = shard.replicas {
            run.command = run.command.map { $0.replacing("{shard}", with: shard.name) }
            service.replicas = .run(run)
        }
        return service
    }
}
