internal import UsherCore

/// Everything that is wrong with the shards of a map, at once.
public struct ShardMapProblems: Error, Sendable, Hashable, CustomStringConvertible {
    /// One thing that is wrong, and what to do about it.
    public struct Problem: Sendable, Hashable {
        /// The name of the shard where it is mended; nil: the list of shards or the function is to blame.
        public var shard: String?
        /// Lower-case, no full stop.
        public var message: String

        public init(shard: String?, _ message: String) {
            self.shard = shard
            self.message = message
        }
    }

    /// At least one, in the order of the shards.
    public let list: [Problem]

    public var description: String { list.map(\.message).joined(separator: "; ") }

    /// - Parameter shards: in the order of their names.
    static func check(_ shards: [Shard], _ function: ShardingFunction) throws(ShardMapProblems) {
        let list = problemsOfCount(shards.count) ?? problems(of: shards) + problems(of: shards, under: function)
        guard list.isEmpty else { throw ShardMapProblems(list: list) }
    }

    /// Without a list that can be looked at there is nothing else to say.
    private static func problemsOfCount(_ count: Int) -> [Problem]? {
        let most = ShardMap.shardsMaximum
        if count == 0 { return [Problem(shard: nil, "there are no shards; name at least one")] }
        return count <= most ? nil : [Problem(shard: nil, "there are \(count) shards; name at most \(most)")]
    }

    /// Those that no function can live with.
    private static func problems(of shards: [Shard]) -> [Problem] {
        var names: Set<String> = []
        var list: [Problem] = []
        for shard in shards {
            if !names.insert(shard.name).inserted {
                list.append(Problem(shard: shard.name, "two shards are named '\(shown(shard.name))'; rename one"))
            }
            if !Shard.weightRange.contains(shard.weight) {
                list.append(
                    Problem(
                        shard: shard.name,
                        "the weight of '\(shown(shard.name))' is \(shard.weight); choose one from 1 to 1000000"))
            }
        }
        return list
    }

    private static func problems(of shards: [Shard], under function: ShardingFunction) -> [Problem] {
        switch function {
        case .rendezvous: []
        case .maglev:
            tooLight(shards, under: function) { weight, total in
                weight * MaglevTable.size(shards: shards.count) < 2 * total
            }
        case .ring:
            tooLight(shards, under: function) { weight, total in
                KetamaRing.digests(weight: weight, ofWeights: total, shards: shards.count) < 1
            }
        case .jump, .modulo: weighted(shards, under: function)
        case .ranges: problems(ofRanges: shards)
        case .map(let unlisted): problems(ofLists: shards, unlisted: unlisted)
        }
    }

    private static func tooLight(
        _ shards: [Shard], under function: ShardingFunction, _ isTooLight: (Int, Int) -> Bool
    ) -> [Problem] {
        // A weight out of range is a problem of its own.
        let weights = shards.map { min(max($0.weight, 1), Shard.weightRange.upperBound) }
        let total = weights.reduce(0, +)
        return zip(shards, weights).filter { isTooLight($1, total) }.map { shard, _ in
            Problem(
                shard: shard.name,
                "'\(shown(shard.name))' is so light beside the others that `\(function.name)` gives it no keys; "
                    + "raise its weight of \(shard.weight) or use `rendezvous`")
        }
    }

    private static func weighted(_ shards: [Shard], under function: ShardingFunction) -> [Problem] {
        shards.filter { $0.weight != 1 }.map { shard in
            Problem(
                shard: shard.name,
                "`\(function.name)` gives every shard the same share of the keys; leave out the weight of "
                    + "'\(shown(shard.name))' or use `rendezvous`")
        }
    }

    private static func problems(ofRanges shards: [Shard]) -> [Problem] {
        var list: [Problem] = []
        var owners: [[UInt8]: String] = [:]
        for shard in shards {
            if shard.from.isEmpty {
                list.append(
                    Problem(
                        shard: shard.name,
                        "'\(shown(shard.name))' owns no range; say where one begins with `from` or leave it out"))
            }
            for start in shard.from {
                guard let other = owners.updateValue(shard.name, forKey: start) else { continue }
                list.append(
                    Problem(
                        shard: shard.name,
                        "ranges of '\(shown(other))' and '\(shown(shard.name))' both begin at '\(text(start))'; "
                            + "change one"))
            }
        }
        if owners[[]] == nil, let first = shards.first {
            list.append(
                Problem(
                    shard: nil,
                    "no range begins at '', so the lowest keys belong to nobody; give one shard `from: \"\"`, "
                        + "such as '\(shown(first.name))'"))
        }
        return list
    }

    private static func problems(ofLists shards: [Shard], unlisted: String?) -> [Problem] {
        var list: [Problem] = []
        var owners: [[UInt8]: String] = [:]
        for shard in shards {
            for key in shard.keys {
                guard let other = owners.updateValue(shard.name, forKey: key) else { continue }
                list.append(
                    Problem(
                        shard: shard.name,
                        other == shard.name
                            ? "'\(shown(other))' lists the key '\(text(key))' twice; remove one"
                            : "'\(shown(other))' and '\(shown(shard.name))' both list the key '\(text(key))'; "
                                + "remove one"))
            }
        }
        let names = shards.map(\.name)
        if let unlisted, !names.contains(unlisted) {
            list.append(
                Problem(
                    shard: nil,
                    "`unlisted` names '\(shown(unlisted))', which is no shard\(Spelling.hint(for: unlisted, among: names))"
                ))
        }
        return list
    }

    private static func text(_ bytes: [UInt8]) -> String { shown(String(decoding: bytes, as: UTF8.self)) }
}
