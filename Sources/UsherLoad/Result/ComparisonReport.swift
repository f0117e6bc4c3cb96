/// The same load with the cache and without it, and what that means for the day on which the cache is lost.
package struct ComparisonReport: Codable, Sendable, Hashable {
    package var withCache: LoadReport
    package var bypassed: LoadReport
    /// Good answers per second without the cache: what was seen, not what could be. Nil when the cache answered all
    /// the same.
    package var survivesPerSecond: Double?
    /// Whether the run without the cache was asked for no more than that, so that it may survive more.
    package var isLowerBound: Bool
    package var sentence: String
    /// Why the comparison may not mean what it seems to; empty when nothing speaks against it.
    package var notes: [String]

    enum CodingKeys: String, CodingKey {
        case sentence, notes
        case withCache = "with_cache"
        case bypassed = "cache_bypassed"
        case survivesPerSecond = "survives_per_second"
        case isLowerBound = "survives_at_least"
    }

    /// What comes so near to the asked rate has kept it.
    private static let keptShare = 0.99
    /// Fewer failed requests than this are not worth a word in the sentence.
    private static let failedShareShown = 0.01

    package init(withCache: LoadReport, bypassed: LoadReport) {
        self.withCache = withCache
        self.bypassed = bypassed
        survivesPerSecond = Self.cached(bypassed) > 0 ? nil : bypassed.goodRatePerSecond
        isLowerBound = Self.keeps(bypassed)
        sentence = Self.sentence(withCache, bypassed)
        notes = Self.notes(withCache, bypassed)
    }

    /// Answers that the cache gave or spared.
    private static func cached(_ report: LoadReport) -> UInt64 {
        (report.cache["hit"] ?? 0) + (report.cache["collapsed"] ?? 0)
    }

    /// Whether an open loop got what it asked for.
    private static func keeps(_ report: LoadReport) -> Bool {
        guard let asked = report.askedRate else { return false }
        return report.goodRatePerSecond >= asked * keptShare
    }

    private static func sentence(_ withCache: LoadReport, _ bypassed: LoadReport) -> String {
        guard cached(bypassed) == 0 else {
            return "What this system survives if the cache is lost is not known: the run without it was answered by it."
        }
        var text = "If the cache is lost, this system survives "
        if bypassed.goodRatePerSecond <= 0 {
            text += "no requests at all: none had a good answer without it"
        } else if keeps(bypassed) {
            text += "at least \(rate(bypassed)), which is all that was asked of it"
        } else {
            text += "about \(rate(bypassed))"
            if bypassed.failedShare >= failedShareShown {
                text += " while \(NumberText.percent(bypassed.failedShare)) of all requests fail"
            }
        }
        text += "; with it, " + (keeps(withCache) ? "at least " : "") + rate(withCache)
        if let ratio = withCache.hitRatio { text += " at a hit ratio of \(NumberText.percent(ratio))" }
        return text + "."
    }

    private static func rate(_ report: LoadReport) -> String {
        NumberText.about(report.goodRatePerSecond) + " requests/s"
    }

    private static func notes(_ withCache: LoadReport, _ bypassed: LoadReport) -> [String] {
        var notes: [String] = []
        if withCache.isAnswered, withCache.hitRatio == nil {
            notes.append(
                "No answer says what the cache did (`Cache-Status` with a member `usher`): has this route `cache`?")
        }
        let hits = cached(bypassed)
        if hits > 0 {
            notes.append(
                "\(NumberText.grouped(hits)) answers of the run without the cache came from it: the admin token that "
                    + "signed the bypass is of another Usher, or the clocks differ by more than 10 minutes.")
        }
        if let hitRatio = withCache.hitRatio, hitRatio < 0.01 {
            notes.append("The cache answered next to nothing: ask for things again (--keys, --zipf, --warmup).")
        }
        if withCache.isInterrupted || bypassed.isInterrupted {
            notes.append("A run was ended early, so the numbers are of a shorter time.")
        }
        return notes
    }

    // MARK: Text

    /// Both side by side, the sentence, and the notes.
    package var text: String {
        let left = withCache.rows
        let right = Dictionary(bypassed.rows.map { ($0.name, $0.value) }) { first, _ in first }
        var lines = [["", "WITH CACHE", "CACHE BYPASSED"]]
        var names = Set<String>()
        for row in left {
            names.insert(row.name)
            lines.append([row.name, row.value, right[row.name] ?? "-"])
        }
        for row in bypassed.rows where !names.contains(row.name) { lines.append([row.name, "-", row.value]) }
        let widths = (0..<2).map { column in lines.map { $0[column].count }.max() ?? 0 }
        let table = lines.map { cells in
            let padded = zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return "  " + (padded + [cells[2]]).joined(separator: "  ")
        }
        return ([withCache.heading] + table + ["", sentence] + notes).joined(separator: "\n")
    }
}
