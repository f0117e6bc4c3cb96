import UsherCore
import UsherSharding

/// What can be judged of a sharded service only when all its keys are known.
enum ShardedCheck {
    static let bodyPartsMaximum = 4

    static func finish(_ draft: inout ShardedDraft, _ node: ConfigurationNode, _ reading: Reading) {
        guard case .mapping(let entries) = node.content else { return }
        func note(_ key: String, _ problem: String) {
            let entry = entries.first { $0.key == key }
            reading.inside(key) { reading.note(problem, at: entry?.value.position ?? node.position) }
        }
        checkKey(draft, note)
        checkFunction(draft, entries, note, reading)
        checkNames(draft, note)
        if draft.atMost != nil, draft.overflow == .none {
            note("at-most", "sends keys to the next shard; say `overflow: next`, or take it away")
        }
        if draft.count != nil, draft.replicas == nil, !entries.contains(where: { $0.key == "replicas" }) {
            note("count", "needs the key 'replicas' beside it: { run: [command, ...] }")
        }
        if let hot = draft.hotKeys, hot.across == .shards, let problem = spreadProblem(draft.function) {
            note("hot-keys", problem)
        }
        // Shards with problems of their own would look like none.
        if let shards = draft.shards, shards.isEmpty, case .mapping(let named)? = value("shards", entries)?.content,
            named.isEmpty
        {
            note("shards", "must not be empty")
        }
    }

    private static func checkKey(_ draft: ShardedDraft, _ note: (String, String) -> Void) {
        // The whole body is looked through for each of them.
        if draft.key.count(where: { KeyRule(parts: [$0]).needsBody }) > bodyPartsMaximum {
            note("key", "has more than \(bodyPartsMaximum) parts in the body")
        }
        let wantsCountry = draft.normalise.contains(.country) || draft.key.contains { $0.steps.contains(.country) }
        if wantsCountry, draft.countries == nil {
            note("normalise", "the step country needs the key 'countries': a file of `CIDR,CODE` lines")
        } else if !wantsCountry, draft.countries != nil {
            note("countries", "has no effect: no part of the key has the step country")
        }
    }

    private static func checkFunction(
        _ draft: ShardedDraft, _ entries: [ConfigurationNode.Entry], _ note: (String, String) -> Void,
        _ reading: Reading
    ) {
        switch draft.function {
        case .map where draft.unlisted == nil:
            if !entries.contains(where: { $0.key == "unlisted" }) {
                note("function", "map needs the key 'unlisted': where keys go that no shard lists (refuse, or a shard)")
            }
        case .map, .ranges:
            if draft.key.count > 1 { note("key", "\(draft.function.name) looks keys up as they are: give one part") }
        default:
            if draft.unlisted != nil { note("unlisted", "has no effect beside `function: \(draft.function.name)`") }
        }
        guard let shards = draft.shards, !shards.isEmpty else { return }
        checkListed(draft, shards, note)
        do throws(ShardMapProblems) {
            // Where a ring's points lie makes no problem.
            _ = try ShardMap(draft.finished.mapped, function: draft.finished.function) { _ in .zero }
        } catch {
            var positions: [String: ConfigurationNode.Position] = [:]
            if case .mapping(let named)? = value("shards", entries)?.content {
                for entry in named { positions[entry.key] = entry.position }
            }
            for problem in error.list {
                guard let shard = problem.shard, let position = positions[shard] else {
                    note("shards", problem.message)
                    continue
                }
                reading.inside("shards") {
                    reading.inside(shown(shard)) { reading.note(problem.message, at: position) }
                }
            }
        }
    }

    /// What a shard lists means something under one function each.
    private static func checkListed(
        _ draft: ShardedDraft, _ shards: [ShardSettings], _ note: (String, String) -> Void
    ) {
        let name = draft.function.name
        if draft.function != .ranges, let shard = shards.first(where: { !$0.from.isEmpty }) {
            note("shards", "`from` of '\(shown(shard.name))' has no effect beside `function: \(name)`")
        }
        if case .map = draft.function { return }
        if let shard = shards.first(where: { !$0.keys.isEmpty }) {
            note("shards", "`keys` of '\(shown(shard.name))' has no effect beside `function: \(name)`")
        }
    }

    private static func checkNames(_ draft: ShardedDraft, _ note: (String, String) -> Void) {
        let names = draft.finished.shards.map(\.name)
        guard !names.isEmpty else { return }
        for (key, missing) in [("missing", draft.missing), ("unlisted", draft.unlisted ?? .refuse)] {
            guard case .shard(let name) = missing, !names.contains(name) else { continue }
            note(key, "there is no shard '\(shown(name))'\(Spelling.hint(for: name, among: names + ["refuse"]))")
        }
    }

    /// Copies of hot keys lie at the shards that come next in the key's order, which listed keys do not have.
    private static func spreadProblem(_ function: ShardingFunction) -> String? {
        switch function {
        case .ranges, .map:
            "cannot be spread across shards with \(function.name): a key is where the file says; take `replicas`"
        case .rendezvous, .maglev, .ring, .jump, .modulo: nil
        }
    }

    private static func value(_ key: String, _ entries: [ConfigurationNode.Entry]) -> ConfigurationNode? {
        entries.first { $0.key == key }?.value
    }
}
