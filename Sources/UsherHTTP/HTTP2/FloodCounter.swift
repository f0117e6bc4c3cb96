/// How often something happened in the last ten seconds, to the second.
struct FloodCounter {
    /// One count for each of the last ten seconds, by the second's last digit.
    private var counts = InlineArray<10, UInt16>(repeating: 0)
    private var second: UInt64 = 0
    private var total = 0

    /// Counts one more, and says how many there were in the last ten seconds with it.
    mutating func note(nowNanoseconds now: UInt64) -> Int {
        let current = now / 1_000_000_000
        if current > second {
            // What is older than ten seconds goes; after a longer silence that is everything.
            for passed in 1...min(10, current - second) {
                let slot = Int((second + passed) % 10)
                total -= Int(counts[slot])
                counts[slot] = 0
            }
            second = current
        }
        let slot = Int(second % 10)
        guard counts[slot] < .max else { return total }
        counts[slot] += 1
        total += 1
        return total
    }
}
