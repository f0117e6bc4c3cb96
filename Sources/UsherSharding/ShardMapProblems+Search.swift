internal import UsherCore

extension ShardMapProblems {
    /// Finds everything that keeps these shards from being a map.
    ///
    /// - Parameter shards: in the order of their names.
    static func search(_ shards: [Shard], _ function: ShardingFunction) throws(ShardMapProblems) {
        var problems = ShardMapProblems()
        if shards.isEmpty {
            problems.add(nil, "there are no shards; name at least one")
        } else if shards.count > ShardMap.shardsMaximum {
            problems.add(nil, "there are \(shards.count) shards; name at most \(ShardMap.shardsMaximum)")
        } else {
            problems.searchNamesAndWeights(of: shards)
            problems.search(shards, under: function)
        }
        guard problems.list.isEmpty else { throw problems }
    }

    private mutating func searchNamesAndWeights(of shards: [Shard]) {
        var names: Set<String> = []
        for shard in shards {
            if !names.insert(shard.name).inserted {
                add(shard, "two shards are named \(quoted(shard)); rename one")
            }
            if !Shard.weightRange.contains(shard.weight) {
                add(shard, "the weight of \(quoted(shard)) is \(shard.weight); choose one from 1 to 1000000")
            }
        }
    }

    private mutating func search(_ shards: [Shard], under function: ShardingFunction) {
        switch function {
        case .rendezvous: break
        case .maglev:
            let size = MaglevTable.size(shards: shards.count)
            searchTooLight(among: shards, under: function) { weight, total in weight * size < 2 * total }
        case .ring:
            searchTooLight(among: shards, under: function) { weight, total in
                KetamaRing.digests(weight: weight, ofWeights: total, shards: shards.count) < 1
            }
        case .jump, .modulo:
            for shard in shards where shard.weight != 1 {
                add(
                    shard,
                    "`\(function.name)` gives every shard the same share of the keys; leave out the weight of "
                        + "\(quoted(shard)) or use `rendezvous`")
            }
        case .ranges: searchRanges(of: shards)
        case .map(let unlisted): searchLists(of: shards, unlisted: unlisted)
        }
    }

    private mutating func searchTooLight(
        among shards: [Shard], under function: ShardingFunction, _ isTooLight: (Int, Int) -> Bool
    ) {
        // A weight out of range is a problem of its own.
        let weights = shards.map { min(max($0.weight, 1), Shard.weightRange.upperBound) }
        let total = weights.reduce(0, +)
        for (shard, weight) in zip(shards, weights) where isTooLight(weight, total) {
            add(
                shard,
                "\(quoted(shard)) is so light beside the others that `\(function.name)` gives it no keys; raise its "
                    + "weight of \(shard.weight) or use `rendezvous`")
        }
    }

    private mutating func searchRanges(of shards: [Shard]) {
        var owners: [[UInt8]: Int] = [:]
        for (index, shard) in shards.enumerated() {
            if shard.from.isEmpty {
                add(shard, "\(quoted(shard)) owns no range; say with `from` where one begins, or leave the shard out")
            }
            for start in shard.from {
                guard let other = owners.updateValue(index, forKey: start) else { continue }
                add(shard, "\(quoted(shards[other], shard)) begin a range at '\(text(start))'; change one")
            }
        }
        if owners[[]] == nil {
            add(nil, "no range begins at '', so the lowest keys belong to nobody; give one shard `from: \"\"`")
        }
    }

    private mutating func searchLists(of shards: [Shard], unlisted: String?) {
        var owners: [[UInt8]: Int] = [:]
        for (index, shard) in shards.enumerated() {
            for key in shard.keys {
                guard let other = owners.updateValue(index, forKey: key) else { continue }
                add(shard, "\(quoted(shards[other], shard)) list the key '\(text(key))'; remove one")
            }
        }
        let names = shards.map(\.name)
        if let unlisted, !names.contains(unlisted) {
            let hint = Spelling.hint(for: unlisted, among: names)
            add(nil, "`unlisted` names '\(shown(unlisted))', which is no shard\(hint)")
        }
    }

    private func quoted(_ shard: Shard) -> String { "'\(shown(shard.name))'" }

    private func quoted(_ one: Shard, _ other: Shard) -> String {
        one.name == other.name ? "two entries of \(quoted(one))" : "\(quoted(one)) and \(quoted(other)) both"
    }

    private func text(_ bytes: [UInt8]) -> String { shown(String(decoding: bytes, as: UTF8.self)) }
}
