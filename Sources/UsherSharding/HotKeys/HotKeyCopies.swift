public import UsherCore

/// Which of its copies a request of a hot key takes.
public enum HotKeyCopies {
    /// The less loaded of two that are drawn at random (Mitzenmacher, 2001: the power of two choices).
    ///
    /// - Parameters:
    ///   - count: of copies; at least 1.
    ///   - load: of one of them, in any unit. A tie goes to the first that was drawn.
    /// - Returns: 0..<count.
    public static func choose(among count: Int, random: inout SeededRandom, load: (Int) -> Int) -> Int {
        let first = random.below(count)
        guard count > 1 else { return first }
        let drawn = random.below(count - 1)
        let second = drawn < first ? drawn : drawn + 1
        return load(second) < load(first) ? second : first
    }
}
