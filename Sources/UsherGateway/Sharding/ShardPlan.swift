import Logging
import UsherConfiguration
import UsherCore
import UsherReplication
import UsherSharding

/// One sharded service, ready to be used: who owns which key, and what happens to keys without an owner.
///
/// The same object over reloads that leave the service as it was; a changed map or key comes with the next epoch.
final class ShardPlan: Sendable {
    /// The map before the last change, as long as `dual-read` holds.
    struct Earlier: Sendable {
        let map: ShardMap
        let rule: KeyRule
        /// Names of the shards' services, in the order of the map.
        let services: [String]
        /// How the shards are reached that the file has no longer.
        let left: [ServiceSettings]
        /// Seconds since the Unix epoch.
        let until: Int
    }

    let settings: ShardedSettings
    let rule: KeyRule
    let map: ShardMap
    /// The share of all keys that each shard owns; nil where keys are listed.
    let shares: [Double]?
    /// The greatest of them, each divided by what the shard's weight asks for.
    let peakToMean: Double?
    /// Names of the shards' services, in the order of the map.
    let services: [String]
    /// Their settings.
    let shards: [ServiceSettings]
    /// Who gets requests without a key; nil: nobody.
    let missing: Int?
    /// Nothing but the request's head has to be looked at for a key: the usual case.
    let readsHeadOnly: Bool
    /// Requests have no key before their bodies are read.
    let needsBody: Bool
    let bodyLimit: Int
    let bound: LoadBound?
    let weights: [Int]
    /// How often the map or the key has changed since the start, and one.
    let epoch: Int
    /// The share of keys that the last change gave other owners; nil at the start, and when it cannot be told.
    let moved: Double?
    let earlier: Earlier?

    /// - Throws: `NamedFileProblem` when the table of countries cannot be used, `ShardMapProblems` never for settings
    ///   that were read.
    init(_ service: ServiceSettings, _ settings: ShardedSettings, before: ServicePlan?, nowSeconds: Int) throws {
        self.settings = settings
        let known = before?.shards
        self.rule = KeyRule(parts: settings.key, countries: try settings.countries.map(CountryFile.read))
        let hasSameKeys = known.map { $0.settings.key == settings.key && $0.settings.countries == settings.countries }
        let hasSameMap = known.map { $0.settings.mapped == settings.mapped && $0.map.function == settings.function }
        if let known, hasSameMap == true {
            self.map = known.map
            self.shares = known.shares
            self.peakToMean = known.peakToMean
        } else {
            self.map = try ShardMap(settings.mapped, function: settings.function, ketama: Ketama.digest)
            self.shares = self.map.shares
            self.peakToMean = self.map.peakToMean
        }
        let isSameMap = hasSameKeys == true && hasSameMap == true
        if let known, isSameMap {
            self.epoch = known.epoch
            self.moved = known.moved
        } else {
            self.epoch = (known?.epoch ?? 0) + 1
            // Of keys that are made otherwise nobody knows what they were.
            self.moved = hasSameKeys == true ? known?.map.moved(to: self.map) : nil
        }
        let named = Dictionary(settings.shards.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.shards = self.map.shards.compactMap { shard in named[shard.name].map { service.service(of: $0) } }
        self.services = self.shards.map(\.name)
        self.weights = self.map.shards.map(\.weight)
        if case .shard(let name) = settings.missing {
            self.missing = self.map.shards.firstIndex { $0.name == name }
        } else {
            self.missing = nil
        }
        self.readsHeadOnly = settings.key.allSatisfy(\.template.readsHeadOnly)
        self.needsBody = self.rule.needsBody
        self.bodyLimit = Int(clamping: settings.bodyLimit.bytes)
        self.bound = settings.atMost.map { LoadBound(atMost: $0) }
        guard let until = settings.dualRead?.until, until > nowSeconds, let known else {
            self.earlier = nil
            return
        }
        if isSameMap {
            self.earlier = known.earlier.map { earlier in
                Earlier(
                    map: earlier.map, rule: earlier.rule, services: earlier.services, left: earlier.left, until: until)
            }
        } else {
            let names = Set(self.services)
            self.earlier = Earlier(
                map: known.map, rule: known.rule, services: known.services,
                left: known.shards.filter { !names.contains($0.name) },
                until: until)
        }
    }

    /// Where each shard stands, by the name of its service.
    var places: [String: Int] {
        Dictionary(self.services.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Counters of the most frequent keys of one shard on one worker. A key above the bound is surely among them when
    /// they are more than its share goes into the whole; four times as many keep the error small.
    var tallyCapacity: Int {
        let share = self.settings.hotKeys?.above.fraction ?? 0.1
        let wanted = Int((4 / max(share, 0.001)).rounded(.up))
        // Thousands of shards have few keys each that matter.
        return min(max(wanted, 16), max(65_536 / max(self.services.count, 1), 4))
    }

    /// The key as the file writes it.
    var keyDescription: String { self.settings.key.map(\.template.description).joined(separator: " + ") }

    /// All services that its requests may be sent to: the shards, and those that only an earlier map knows.
    var reached: [ServiceSettings] { self.shards + (self.earlier?.left ?? []) }

    /// Tells whoever runs it how even the map is, and what a change of it moved.
    func log(_ service: String, before: ShardPlan?, _ logger: Logger) {
        var facts: Logger.Metadata = [
            "service": "\(service)", "shards": "\(self.map.shards.count)", "function": "\(self.map.function.name)",
            "epoch": "\(self.epoch)",
        ]
        if let ratio = self.peakToMean { facts["peak-to-mean"] = "\(ratio.hundredths)" }
        guard before?.epoch != self.epoch else { return }
        for note in ShardNote.notes(of: self.map, "services.\(service).sharded") where note.isWarning {
            logger.warning("\(note.key): \(note.message)")
        }
        guard let before else { return logger.notice("keys are mapped to shards", metadata: facts) }
        if let moved = self.moved {
            facts["keys-moved"] = "\((moved * 100).hundredths) %"
        } else {
            let isOtherKey = before.settings.key != self.settings.key
            facts["keys-moved"] = isOtherKey ? "nearly all, because keys are made otherwise" : "unknown"
        }
        logger.notice("the map of shards has changed", metadata: facts)
    }
}

extension Double {
    /// With two digits behind the point at most.
    var hundredths: Double { (self * 100).rounded() / 100 }
}
