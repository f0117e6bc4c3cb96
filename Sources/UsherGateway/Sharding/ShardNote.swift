package import UsherConfiguration
import UsherSharding
import UsherTransport

/// What is worth knowing of how a configuration parts its keys, before anything runs.
package struct ShardNote: Sendable, Hashable {
    /// Such as `services.profiles.sharded`.
    package var key: String
    /// One sentence without its end.
    package var message: String
    /// A change of the shards would cost more than it has to.
    package var isWarning: Bool

    /// For every sharded service how even its map is, and what changing it moves.
    package static func all(_ settings: Settings) -> [ShardNote] {
        settings.services.flatMap { service -> [ShardNote] in
            guard let sharded = service.sharded,
                let map = try? ShardMap(sharded.mapped, function: sharded.function, ketama: Ketama.digest)
            else { return [] }
            let key = "services.\(service.name).sharded"
            return self.notes(of: map, key) + (sharded.dualRead.map { self.notes(of: $0, key) } ?? [])
        }
    }

    private static func notes(of dualRead: DualReadSettings, _ key: String) -> [ShardNote] {
        guard dualRead.until <= WallClock.seconds else { return [] }
        return [ShardNote(key: key + ".dual-read", message: "is over; take it away", isWarning: true)]
    }

    static func notes(of map: ShardMap, _ key: String) -> [ShardNote] {
        let count = map.shards.count
        let shards = "\(count) \(count == 1 ? "shard" : "shards") by \(map.function.name)"
        guard let ratio = map.peakToMean else {
            return [ShardNote(key: key, message: "\(shards): as even as the keys are", isWarning: false)]
        }
        let resize = map.resize
        let cost = resize.adding.map { ", one more moves \(percent($0)) of them" } ?? ""
        let note = ShardNote(
            key: key, message: "\(shards): expected peak-to-mean of the keys \(ratio.hundredths)\(cost)",
            isWarning: false)
        guard resize.isExcessive else { return [note] }
        let (adding, removing) = (resize.adding ?? 0, resize.removing ?? 0)
        let isAdding = adding >= removing
        let moved = isAdding ? adding : removing
        let what = isAdding ? "comes" : "in the middle goes"
        let needed = 1 / Double(isAdding ? count + 1 : count)
        return [
            note,
            ShardNote(
                key: key + ".function",
                message: "\(map.function.name) gives \(percent(moved)) of all keys another shard when one \(what); "
                    + "rendezvous moves \(percent(needed))", isWarning: true),
        ]
    }

    private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
}
