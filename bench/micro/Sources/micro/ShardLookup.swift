import UsherCore
import UsherSharding

/// What it costs to find a key's shard, to count the key, and to make a map of shards.
enum ShardLookup {
    typealias Timing = (Int, () -> Void) -> Cost

    /// MD5 is as dear as the library it comes from; this stands for it, so that the ring alone is timed.
    private static let digest: KetamaDigest = { bytes in
        var random = SeededRandom(seed: ShardKey(bytes).hash)
        let (low, high) = (random.next(), random.next())
        return SIMD4(
            UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32), UInt32(truncatingIfNeeded: high),
            UInt32(truncatingIfNeeded: high >> 32))
    }

    private static func shards(_ count: Int, _ function: ShardingFunction) -> [Shard] {
        (0..<count).map { number in
            switch function {
            case .ranges: Shard(name: "s\(number)", from: [number == 0 ? [] : self.key(number)])
            case .map: Shard(name: "s\(number)", keys: (0..<100).map { self.key(number * 100 + $0) })
            default: Shard(name: "s\(number)")
            }
        }
    }

    private static func key(_ number: Int) -> [UInt8] { Array("user-\(10_000_000 + number)".utf8) }

    private static func hash(of key: [UInt8]) -> ShardKey { ShardKey(key.span) }

    private static func map(_ count: Int, _ function: ShardingFunction) -> ShardMap {
        guard let map = try? ShardMap(self.shards(count, function), function: function, ketama: self.digest) else {
            preconditionFailure("The shards are in order.")
        }
        return map
    }

    static func hash(_ timing: Timing) -> Cost {
        var key = self.key(0)
        var sum: UInt64 = 0
        let cost = timing(200_000) {
            key[12] = key[12] &+ 1
            sum &+= ShardKey(key.span).hash
        }
        precondition(sum != 0)
        return cost
    }

    /// The key is hashed already.
    static func owner(_ function: ShardingFunction, among count: Int, _ timing: Timing) -> Cost {
        let map = self.map(count, function)
        let keys = (0..<1024).map(self.key)
        let hashes = keys.map(self.hash(of:))
        var (number, sum) = (0, 0)
        let cost = timing(100_000) {
            number = (number + 1) & 1023
            let key = keys[number]
            sum &+= map.owner(of: key.span, hashes[number]) ?? 0
        }
        precondition(sum != 0)
        return cost
    }

    /// The owner cannot be reached.
    static func next(_ function: ShardingFunction, among count: Int, _ timing: Timing) -> Cost {
        let map = self.map(count, function)
        let keys = (0..<1024).map(self.key)
        let hashes = keys.map(self.hash(of:))
        let owners = zip(keys, hashes).map { key, hash in map.owner(of: key.span, hash) }
        var (number, sum) = (0, 0)
        let cost = timing(100_000) {
            number = (number + 1) & 1023
            let key = keys[number]
            sum &+= map.pick(for: key.span, hashes[number], isAvailable: { $0 != owners[number] }) ?? 0
        }
        precondition(sum != 0)
        return cost
    }

    /// The list comes in the worst order.
    static func build(_ function: ShardingFunction, of count: Int, _ timing: Timing) -> Cost {
        var random = SeededRandom(seed: 3)
        let shards = self.shards(count, function).shuffled(using: &random)
        var map = self.map(1, function)
        let cost = timing(1) {
            guard let next = try? ShardMap(shards, function: function, ketama: self.digest) else { return }
            map = next
        }
        precondition(map.shards.count == count)
        return cost
    }

    /// - Parameter keys: each as often as another one; with one it is the same key again and again.
    static func tally(keys: Int, _ timing: Timing) -> Cost {
        var tally = KeyTally()
        let texts = (0..<keys).map(self.key)
        let hashes = texts.map(self.hash(of:))
        var random = SeededRandom(seed: 4)
        return timing(200_000) {
            let number = random.below(keys)
            let text = texts[number]
            tally.count(hashes[number], text: text.span)
        }
    }
}
