/// One worker's counters by quota and class of callers.
struct QuotaCounts: Sendable {
    typealias Counts = InlineArray<5, UInt64>

    private let classes: Int
    private var counts: [Counts]

    init(quotas: Int, classes: Int) {
        self.classes = max(classes, 0)
        counts = Array(repeating: Counts(repeating: 0), count: max(quotas, 0) * self.classes)
    }

    /// Unknown numbers are ignored.
    mutating func count(_ quota: Int, _ callerClass: Int, _ outcome: QuotaOutcome) {
        guard let place = place(quota, callerClass) else { return }
        counts[place][outcome.rawValue] &+= 1
    }

    subscript(quota: Int, callerClass: Int) -> Counts {
        place(quota, callerClass).map { counts[$0] } ?? Counts(repeating: 0)
    }

    /// Adds the counters of another table under the numbers that `quotas` and `classes` give them; nil: left out.
    mutating func merge(_ other: QuotaCounts, quotas: [Int?], classes: [Int?]) {
        for (from, quota) in quotas.enumerated() {
            for (fromClass, callerClass) in classes.enumerated() {
                guard let quota, let callerClass, let place = place(quota, callerClass) else { continue }
                let added = other[from, fromClass]
                for outcome in added.indices {
                    counts[place][outcome] = counts[place][outcome].addingSaturating(added[outcome])
                }
            }
        }
    }

    private func place(_ quota: Int, _ callerClass: Int) -> Int? {
        guard quota >= 0, callerClass >= 0, callerClass < classes else { return nil }
        let place = quota * classes + callerClass
        return place < counts.count ? place : nil
    }
}
