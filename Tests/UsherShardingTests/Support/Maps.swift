import UsherCore
import UsherSharding

extension ShardMap {
    convenience init(_ shards: [Shard], _ function: ShardingFunction) throws {
        try self.init(shards, function: function, ketama: MD5.digest)
    }

    /// The owner's name.
    func owner(_ key: String) -> String? {
        owner(Array(key.utf8))
    }

    func owner(_ key: [UInt8]) -> String? {
        owner(of: key.span, ShardKey(key.span)).map { shards[$0].name }
    }

    /// The names in the key's own order.
    func order(_ key: [UInt8], atMost count: Int) -> [String] {
        order(of: key.span, ShardKey(key.span), atMost: count).map { shards[$0].name }
    }
}

extension Shard {
    /// s0, s1 and so on.
    static func numbered(_ count: Int) -> [Shard] {
        (0..<count).map { Shard(name: "s\($0)") }
    }
}

extension ShardingFunction {
    /// Those whose owners follow from hashes.
    static let hashing: [ShardingFunction] = [.rendezvous, .maglev, .ring, .jump, .modulo]
}

/// How many of so many keys each shard owns.
func owners(in map: ShardMap, keys: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: map.shards.count)
    for number in 0..<keys {
        let key = Array("key-\(number)".utf8)
        if let owner = map.owner(of: key.span, ShardKey(key.span)) { counts[owner] += 1 }
    }
    return counts
}
