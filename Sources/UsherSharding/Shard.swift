/// One shard as sharding functions see it. Its identity is its name: moved addresses move no keys.
public struct Shard: Sendable, Hashable {
    /// Its bytes in UTF-8 are what is hashed. Unique within a map.
    public var name: String
    /// The share of the keys that is asked for, relative to the other shards'. Range: 1...1,000,000. Default: 1.
    ///
    /// Under `jump` and `modulo` all keys fall evenly and it must be 1. Under `ranges` and `map` it only says how much
    /// of what others cannot take falls to this shard.
    public var weight: Int
    /// Under `ranges`: where its ranges begin, inclusive. A range goes up to the next beginning of any shard. Keys are
    /// compared byte by byte, unsigned, a shorter one before what it begins.
    public var from: [[UInt8]]
    /// Under `map`: the keys it owns.
    public var keys: [[UInt8]]

    public init(name: String, weight: Int = 1, from: [[UInt8]] = [], keys: [[UInt8]] = []) {
        self.name = name
        self.weight = weight
        self.from = from
        self.keys = keys
    }

    static let weightRange = 1...1_000_000
}

/// How a key is mapped to a shard.
///
/// Function     | Balance                | Moves when a shard comes or goes | A lookup costs
/// -------------|------------------------|----------------------------------|------------------------------
/// `rendezvous` | even, weighted         | what must                        | two multiplications a shard
/// `maglev`     | within 1 %, weighted   | up to twice what must; nearly    | one division
///              |                        | all where its table grows        |
/// `ring`       | within about 25 %      | about what must                  | an MD5 and a search
/// `jump`       | even                   | what must, at the end of the list| ln(shards) divisions
/// `modulo`     | even                   | nearly all                       | one division
/// `ranges`     | as the ranges are      | what is in the ranges            | a search
/// `map`        | as the keys are        | the listed keys                  | a table lookup
public enum ShardingFunction: Sendable, Hashable {
    /// The highest score of hashes of key and name (Thaler and Ravishankar, 1998), with weights.
    case rendezvous
    /// A table of places that shards fill in turns (Eisenbud and others, 2016, §3.4), with weights.
    case maglev
    /// The ring of libmemcached and twemproxy, known as ketama, with weights: 160 points for a shard of mean weight.
    case ring
    /// Jump consistent hash (Lamping and Veach, 2014) over shards that are numbered by name.
    case jump
    /// The remainder of the hash, over shards that are numbered by name.
    case modulo
    /// Keys in order, cut into ranges.
    case ranges
    /// A list of keys for each shard. `unlisted` names the shard that owns all others; nil: nobody does.
    case map(unlisted: String?)

    /// As it is written in a configuration.
    public var name: String {
        switch self {
        case .rendezvous: "rendezvous"
        case .maglev: "maglev"
        case .ring: "ring"
        case .jump: "jump"
        case .modulo: "modulo"
        case .ranges: "ranges"
        case .map: "map"
        }
    }
}
