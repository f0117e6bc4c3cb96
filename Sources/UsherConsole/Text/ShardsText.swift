internal import UsherTelemetry

/// What `usher shards` prints.
package struct ShardsText {
    private let style: TextStyle
    private let showsAll: Bool

    /// Shards of one service that are shown when nobody asks for all.
    private static let shardsMax = 20
    /// What a key may take of a line; the whole is in the JSON. Unit: characters.
    private static let keyLengthMax = 32

    package init(_ style: TextStyle, showsAll: Bool = false) {
        self.style = style
        self.showsAll = showsAll
    }

    package func text(_ services: [ShardedServiceReport]) -> String {
        guard !services.isEmpty else { return "No shards: the configuration has no sharded service." }
        return services.map(text).joined(separator: "\n\n")
    }

    private func text(_ service: ShardedServiceReport) -> String {
        let shown = shown(service.shards)
        var lines = heading(service) + ["", table(shown).text(style)]
        let left = service.shards.count - shown.count
        if left > 0 {
            let down = service.shards.count { $0.ready == 0 } - shown.count { $0.ready == 0 }
            let without = down > 0 ? ", \(down) of them without a ready replica" : ""
            lines.append("\(left) more \(left == 1 ? "shard is" : "shards are") shown by --all\(without).")
        }
        return lines.joined(separator: "\n")
    }

    /// All of them in their order, or the busiest, those first.
    private func shown(_ shards: [ShardReport]) -> [ShardReport] {
        guard !showsAll, shards.count > Self.shardsMax else { return shards }
        let busiest = shards.enumerated().sorted { one, other in
            let (first, second) = (one.element, other.element)
            return (first.busy, first.requestsPerSecond, other.offset)
                > (second.busy, second.requestsPerSecond, one.offset)
        }
        return busiest.prefix(Self.shardsMax).map(\.element)
    }

    // MARK: The head

    private func heading(_ service: ShardedServiceReport) -> [String] {
        let count = service.shards.count
        var map = "\(service.service): \(count) \(count == 1 ? "shard" : "shards") by \(service.function)"
        map += ", epoch \(service.epoch)"
        if let moved = service.moved { map += ", the last change moved \(CachesText.percent(moved)) of the keys" }
        var lines = [style.wrapped(map, indent: 0), "  " + style.wrapped(evenness(service), indent: 2)]
        if let until = service.dualReadUntil {
            let asked = service.shards.reduce(UInt64(0)) { $0 &+ $1.askedEarlier }
            let time = style.time.text(rfc3339(unixSeconds: Int64(until)))
            lines.append("  dual read until \(time): earlier owners were asked \(StatusText.count(asked)) times")
        }
        if let dark = Self.darkness(service.dark, of: service.areKeysListed ? "the shards" : "the keys") {
            lines.append("  " + style.wrapped(dark, .bad, indent: 2))
        }
        return lines
    }

    /// `peak-to-mean 1.02 expected of the keys, 1.31 measured of the requests; numbers are of the last 60 s`
    private func evenness(_ service: ShardedServiceReport) -> String {
        var ratios: [String] = []
        if let expected = service.expectedPeakToMean { ratios.append("\(expected) expected of the keys") }
        if let measured = service.peakToMean { ratios.append("\(measured) measured of the requests") }
        let seconds = Self.whole(service.windowSeconds.rounded())
        let window = seconds > 0 ? "rates are of the last \(seconds) s" : "no rates yet"
        return ratios.isEmpty ? window : "peak-to-mean \(ratios.joined(separator: ", ")); \(window)"
    }

    /// Nil: every key has somebody who answers for it.
    ///
    /// - Parameter whole: what the share is of.
    static func darkness(_ share: Double, of whole: String? = nil) -> String? {
        guard share > 0 else { return nil }
        // A share that is there must not be rounded to none.
        let percent = share < 0.001 ? "less than 0.1 %" : CachesText.percent(share)
        let part = whole.map { "\(percent) of \($0)" } ?? percent
        return "\(part) dark: shards without a ready replica"
    }

    // MARK: Shards

    private func table(_ shards: [ShardReport]) -> TextTable {
        var table = TextTable(
            [.init(title: "SHARD")]
                + ["KEYS", "READY", "REQUESTS/S", "BUSY", "BYTES/S", "SPREAD", "OVERFLOWED"].map {
                    .init(title: $0, alignment: .right)
                } + [.init(title: "TOP KEY"), .init(title: "ITS SHARE")])
        for shard in shards {
            table.add([
                .init(shard.name), .init(CachesText.percent(shard.keys)),
                .init("\(shard.ready)/\(shard.replicas)", Self.colour(shard)),
                .init(Self.rate(shard.requestsPerSecond)), .init(Self.rate(shard.busy)),
                .init(CachesText.bytes(Int(Self.whole(shard.bytesPerSecond)))), .init(StatusText.count(shard.spread)),
                .init(StatusText.count(shard.overflowed), shard.overflowed > 0 ? .warning : .none),
                .init(shard.top.first.map { Self.clipped($0.key) } ?? ""),
                .init(Self.share(shard.top), shard.top.contains(where: \.hot) ? .warning : .none),
            ])
        }
        return table
    }

    private static func colour(_ shard: ShardReport) -> TextColour {
        if shard.ready == 0 { return .bad }
        return shard.ready < shard.replicas ? .warning : .none
    }

    /// `31 % hot, 1 more hot`: in a column of its own, where no key can write it.
    private static func share(_ top: [ShardReport.Key]) -> String {
        guard let first = top.first else { return "" }
        let others = top.dropFirst().count(where: \.hot)
        return CachesText.percent(first.share) + (first.hot ? " hot" : "") + (others > 0 ? ", \(others) more hot" : "")
    }

    /// Whatever a key is made of, it takes a limited part of one line. Cut by scalars: one character may have many.
    private static func clipped(_ key: String) -> String {
        let scalars = TextStyle.printable(key).unicodeScalars
        return scalars.count > keyLengthMax ? String(scalars.prefix(keyLengthMax - 1)) + "…" : String(scalars)
    }

    /// `0.25`, `12.3`, `4567`, `12.3k`.
    private static func rate(_ value: Double) -> String {
        if value >= 1000 { return StatusText.count(whole(value)) }
        return value >= 10 ? "\((value * 10).rounded() / 10)" : "\(value)"
    }

    /// A server that is out of its mind cannot make this trap.
    private static func whole(_ value: Double) -> UInt64 { UInt64(min(max(value, 0), 1e18)) }
}

extension ShardedServiceReport {
    /// Its shards list their keys, so that nobody knows how many there are.
    var areKeysListed: Bool { shards.allSatisfy { $0.keys == nil } }
}
