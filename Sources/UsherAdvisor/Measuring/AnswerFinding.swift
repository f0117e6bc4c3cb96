/// What the comparison of answers says of a key.
struct AnswerFinding: Sendable {
    /// Requests whose key somebody had before them; how well the key was tested.
    var repeats: Int
    /// The share of those that got another answer than the one before.
    var differing: Double
    /// What explains the answers' differences best, the coarsest of what does equally well; nil: nothing does.
    var cause: KeyField?
    /// The share of requests that got another answer than the one before because of `cause`.
    var harm = 0.0
    /// How much of the differences is gone once `cause` is in the key.
    var explained = 0.0

    /// Below it, what differs is left to the single answer (`Vary`, `private`).
    private static let harmMin = 0.01
    /// Comparisons that a field needs, and how far from chance they must be. Unit of the latter: standard deviations.
    private static let comparisonsMin: Double = 20
    private static let significance = 5.0
    /// A field that explains this much of what the best one does will do when it is coarser.
    private static let tie = 0.85

    init(_ counts: AnswerTest.Counts, _ set: FieldSet) {
        repeats = counts.repeats
        differing = counts.repeats > 0 ? Double(counts.differing) / Double(counts.repeats) : 0
        let found = set.explainers.enumerated().compactMap { lane, place in
            Self.effect(of: lane, counts).map { (field: set.fields[place], effect: $0) }
        }
        guard let best = found.map(\.effect.explained).max() else { return }
        let enough = found.filter { $0.effect.explained >= Self.tie * best }
        guard let chosen = enough.min(by: { $0.effect.changes < $1.effect.changes }) else { return }
        (cause, harm, explained) = (chosen.field, chosen.effect.harm, chosen.effect.explained)
    }

    /// The same key gives different answers, and something that a key can be made of says which.
    ///
    /// By their software clients get compressed or smaller forms of the same answer, which caches keep side by side.
    var isTooGeneral: Bool { cause != nil && cause != .userAgent }

    private struct Effect {
        var harm: Double
        var explained: Double
        /// Requests whose predecessor had another value: the fewer, the coarser the field.
        var changes: Int
    }

    /// Nil: none that chance could not have made.
    private static func effect(of lane: Int, _ counts: AnswerTest.Counts) -> Effect? {
        let (inFavour, against) = (Double(counts.inFavour[lane]), Double(counts.against[lane]))
        let comparisons = Double(counts.comparisons[lane])
        guard comparisons >= comparisonsMin, inFavour > against else { return nil }
        let difference = inFavour - against
        guard difference / (inFavour + against).squareRoot() >= significance else { return nil }
        let harm = difference / comparisons * Double(counts.changes[lane]) / Double(counts.repeats)
        guard harm >= harmMin else { return nil }
        // Of what differs between other values, how much differs between equal ones, too?
        let explained = difference / (inFavour + Double(counts.unlike[lane]))
        return Effect(harm: harm, explained: explained, changes: counts.changes[lane])
    }
}
