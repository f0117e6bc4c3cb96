/// What `usher status` prints of caches.
package struct CachesText {
    private let style: TextStyle

    package init(_ style: TextStyle) {
        self.style = style
    }

    /// A line a cache.
    package func text(_ caches: [CacheReport]) -> String {
        var table = TextTable([
            .init(title: "CACHE"), .init(title: "ANSWERS", alignment: .right),
            .init(title: "MEMORY", alignment: .right), .init(title: "OF", alignment: .right),
            .init(title: "REQUESTS", alignment: .right), .init(title: "HIT RATIO", alignment: .right),
            .init(title: "EVICTIONS", alignment: .right),
        ])
        for cache in caches {
            table.add([
                .init(cache.name), .init(StatusText.count(UInt64(clamping: cache.answers))),
                .init(Self.bytes(cache.memoryBytes)), .init(Self.bytes(cache.budgetBytes)),
                .init(StatusText.count(cache.requests.total)), .init(Self.percent(cache.hitRatio)),
                .init(StatusText.count(cache.evictions)),
            ])
        }
        return table.text(style)
    }

    /// `93.1 %`, and `-` when there is none.
    static func percent(_ ratio: Double?) -> String {
        ratio.map { "\(($0 * 1000).rounded() / 10) %" } ?? "-"
    }

    /// `512 B`, `1.5 KiB`, `256 MiB`: cut, not rounded.
    package static func bytes(_ count: Int) -> String {
        for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] where count >= 1 << shift {
            let tenths = ((count >> (shift - 7)) * 10) >> 7
            return tenths % 10 == 0 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
        }
        return "\(count) B"
    }
}
