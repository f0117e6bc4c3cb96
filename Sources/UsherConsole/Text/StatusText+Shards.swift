/// Sharded services: a line for the whole, and under it a line a shard.
extension StatusText {
    /// Shards of one service that are shown among others.
    private static let shardsMax = 20

    /// A sharded service by itself, with all of its shards.
    package func sharded(_ group: ServiceGroup) -> String {
        var table = Self.table
        add(group, shardsMax: .max, to: &table)
        return table.text(style)
    }

    func add(_ group: ServiceGroup, to table: inout TextTable) {
        add(group, shardsMax: Self.shardsMax, to: &table)
    }

    private func add(_ group: ServiceGroup, shardsMax: Int, to table: inout TextTable) {
        let (service, total) = (group.service, group.total)
        let whole = group.shards.count { $0.readiness == .whole }
        let state: TextTable.Cell =
            whole == group.shards.count
            ? .init("ready", .good)
            : .init("\(whole) of \(group.shards.count) whole", service.isServed ? .warning : .bad)
        table.add(
            [.init(service.name), .init(Self.counted(group.shards.count, "shard")), state] + Self.sums(total.endpoints))
        if let dark = ShardsText.darkness(service.dark ?? 0) { table.addNote(.init(dark, .bad), at: 1) }
        if let known = service.shards, group.shards.count > known {
            table.addNote(.init("\(group.shards.count - known) of them are of an earlier map", .faint), at: 1)
        }
        if let facts = facts(total) { table.addNote(.init(facts, .faint), at: 1) }
        let shown = group.shardsByNeed.prefix(shardsMax)
        for shard in shown { add(shard, of: service, to: &table) }
        let left = group.shards.count - shown.count
        if left > 0 {
            let lacking = max(group.shards.count - whole - shown.count, 0)
            let which = lacking > 0 ? ", \(lacking) of them not wholly ready" : ""
            table.addNote(
                .init("\(Self.counted(left, "more shard"))\(which): usher status \(service.name)", .faint), at: 1)
        }
    }

    private func add(_ shard: ServiceReport, of service: ServiceReport, to table: inout TextTable) {
        let ready = shard.endpoints.count(where: \.ready)
        let state: TextTable.Cell =
            switch shard.readiness {
            case .whole: .init("ready", .good)
            case .partly: .init("\(ready) of \(shard.endpoints.count) ready", .warning)
            case .none: .init("\(ready) of \(shard.endpoints.count) ready", .bad)
            }
        let replicas = Self.counted(shard.endpoints.count, "replica")
        table.add(
            [.init(""), .init("\(shard.name.dropFirst(service.name.count + 1)): \(replicas)"), state]
                + Self.sums(shard.endpoints))
        let out = shard.endpoints.filter { !$0.ready }
        guard let first = out.first, let why = why(first) else { return }
        let more = out.count > 1 ? ", and \(out.count - 1) more" : ""
        table.addNote(.init("\(first.name ?? first.address): \(why)\(more)", .faint), at: 1)
    }

    /// The numbers of several replicas together; of their latencies the longest.
    private static func sums(_ endpoints: [EndpointReport]) -> [TextTable.Cell] {
        let failures = endpoints.reduce(UInt64(0)) { $0 &+ $1.failures }
        return [
            .init("\(endpoints.reduce(0) { $0 &+ $1.inFlight })"),
            .init(count(endpoints.reduce(0) { $0 &+ $1.requests })),
            .init(count(failures), failures > 0 ? .warning : .none),
            .init(milliseconds(endpoints.compactMap { $0.latency?.p50 }.max())),
            .init(milliseconds(endpoints.compactMap { $0.latency?.p99 }.max())),
        ]
    }
}
