import UsherCore
import UsherSharding

/// A sharded service's own keys while they are read: what they mean together is known only at their end.
struct ShardedDraft {
    var key: [KeyRule.Part] = []
    var normalise: [KeyRule.Step] = []
    var countries: String?
    var missing = MissingKey.refuse
    var function = ShardingFunction.rendezvous
    var unlisted: MissingKey?
    var shards: [ShardSettings]?
    var count: Int?
    var replicas: ReplicaSource?
    var overflow = ShardOverflow.none
    var atMost: Share?
    var hotKeys: HotKeySettings?
    var dualRead: DualReadSettings?
    var bodyLimit = ShardedSettings(key: []).bodyLimit

    init() {}

    init(_ settings: ShardedSettings) {
        key = settings.key
        countries = settings.countries
        missing = settings.missing
        function = settings.function
        if case .map(let shard) = settings.function { unlisted = shard.map(MissingKey.shard) ?? .refuse }
        shards = settings.shards
        overflow = settings.overflow
        atMost = settings.atMost
        hotKeys = settings.hotKeys
        dualRead = settings.dualRead
        bodyLimit = settings.bodyLimit
    }

    var finished: ShardedSettings {
        // What holds for all parts comes behind what a part says of itself.
        var settings = ShardedSettings(
            key: key.map { part in
                KeyRule.Part(template: part.template, steps: part.steps + normalise.filter { !part.steps.contains($0) })
            })
        settings.countries = countries
        settings.missing = missing
        settings.function = function
        if case .map = function, case .shard(let name) = unlisted { settings.function = .map(unlisted: name) }
        settings.shards = shards ?? numbered
        settings.overflow = overflow
        settings.atMost = atMost
        settings.hotKeys = hotKeys
        settings.dualRead = dualRead
        settings.bodyLimit = bodyLimit
        return settings
    }

    /// `count` shards that Usher runs, called s0, s1 and so on.
    private var numbered: [ShardSettings] {
        guard let count, let replicas else { return [] }
        return (0..<count).map { ShardSettings(name: "s\($0)", replicas: replicas) }
    }

    static var shape: Shape<ShardedDraft> {
        let body = "How much of a request is read for a key in its body; longer ones are 413."
        return Shape(
            initial: ShardedDraft(),
            keys: [
                .value(
                    "key", \.key, .shardKey, required: true,
                    "What of a request makes its key, such as \"{header.x-user}\", or a list of such parts."),
                .value(
                    "normalise", \.normalise, .list(of: .keyStep, hint: "[lower, trim]"),
                    "What is done with every part of the key, behind its own steps: lower, trim, country."),
                .optional(
                    "countries", \.countries, .path, default: "none",
                    "A table of `CIDR,CODE` lines for the step country; read at the start and when the service changes."
                ),
                .value(
                    "missing", \.missing, .missingKey,
                    "Where a request without a key goes: refuse (400), or a shard's name."),
                .value(
                    "function", \.function, .shardingFunction,
                    "How keys are mapped to shards; rendezvous moves the fewest when shards come and go."),
                .optional(
                    "unlisted", \.unlisted, .missingKey, default: "it has to be said beside `function: map`",
                    "Where keys go that no shard of a map lists: refuse (404), or a shard's name."),
                .optional(
                    "shards", \.shards, .shards, default: "`count` of them",
                    "The shards by name: { s0: [127.0.0.1:9101], s1: { replicas: [...], weight: 2 } }."),
                .optional("count", \.count, .int(1...256), default: "those of `shards`", "How many shards Usher runs."),
                .optional(
                    "replicas", \.replicas, .shardProcesses, default: "those of `shards`",
                    "{ run: [command, ...] } for each of `count` shards; {shard} is the shard's name."),
                .value(
                    "overflow", \.overflow, .cases(),
                    "Where the keys of a shard go that has no ready replica: none (503), or next."),
                .optional(
                    "at-most", \.atMost, .loadBound, default: "not bounded",
                    "The most load of a shard, as a share of the average; beyond it keys go to the next one."),
                .optional(
                    "hot-keys", \.hotKeys, HotKeySettings.shape.kind(hint: "{ above: 10%, copies: 2 }"),
                    default: "off", "When a key is asked for too often for one shard, and who answers then."),
                .optional(
                    "dual-read", \.dualRead,
                    DualReadSettings.shape.kind(hint: "{ until: \"2026-12-01T00:00:00Z\" }"), default: "none",
                    "Until when a key's owner before the last change of the map is asked after a 404."),
                .value("body-limit", \.bodyLimit, .bytes(.kibibytes(1)...(.mebibytes(16))), body),
            ],
            choice: Choice(
                keys: ["shards", "count"], reason: "shards are listed or counted",
                companions: ["replicas": "count"]),
            finish: ShardedCheck.finish)
    }
}

extension Kind where Value == ShardedSettings {
    static var sharded: Kind {
        let draft = ShardedDraft.shape.kind(hint: "{ key: \"{header.x-user}\", shards: { s0: [127.0.0.1:9101] } }")
        return Kind(
            schema: draft.schema, read: { node, reading in draft.read(node, reading)?.finished },
            write: { draft.write(ShardedDraft($0)) })
    }
}

extension HotKeySettings {
    static var shape: Shape<HotKeySettings> {
        Shape(
            initial: HotKeySettings(),
            keys: [
                .value(
                    "above", \.above, .share(Share(partsPerMillion: 1000)...Share(percent: 100)),
                    "The part of its shard's requests from which on a key is hot; below half of it, it no longer is."),
                .value("copies", \.copies, .int(2...256), "At most how many replicas or shards answer for a hot key."),
                .value(
                    "across", \.across, .cases(),
                    "Who else answers: replicas of the key's shard, or other shards."),
                .value("writes", \.writes, .bool, "true: not only GET and HEAD are spread."),
            ])
    }
}

extension DualReadSettings {
    static var shape: Shape<DualReadSettings> {
        Shape(
            initial: DualReadSettings(until: 0),
            keys: [.value("until", \.until, .instant, required: true, "A moment, such as \"2026-12-01T00:00:00Z\".")])
    }
}
