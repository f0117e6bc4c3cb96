/// How often a least-recently-used cache would have the answer, by its memory.
struct MissRatioCurve: Sendable {
    /// Bins a doubling; within one distances count as spread evenly.
    private static let binsPerDoubling = 16
    /// Up to 2⁵⁰ bytes.
    private static let doublings = 50

    private var bins = [Double](repeating: 0, count: binsPerDoubling * doublings)
    /// Requests for what had never been asked for.
    private var cold = 0.0
    private var warm = 0.0

    /// - Parameters:
    ///   - distance: the least memory in which it would have been a hit. Unit: bytes.
    ///   - weight: how many requests this one stands for.
    mutating func addHit(distance: Double, weight: Double) {
        warm += weight
        bins[Self.bin(distance)] += weight
    }

    mutating func addCold(weight: Double) {
        cold += weight
    }

    /// - Parameter requests: all that there were, of which those added stand for a sample.
    func hitRatio(memory: Double, requests: Double) -> Double {
        guard requests > 0 else { return 0 }
        let last = Self.bin(memory)
        var hits = bins[..<last].reduce(0, +)
        let (start, end) = (Self.start(of: last), Self.start(of: last + 1))
        hits += bins[last] * min(max((memory - start) / (end - start), 0), 1)
        // A few keys make many requests: when the sample has too few or too many of those, that are hits (SHARDS-adj).
        let missed = requests - (cold + warm)
        return min(max((hits + missed) / requests, 0), 1)
    }

    /// Sixteen bins lie between a power of two and the next: the first four bits of the fraction.
    private static func bin(_ distance: Double) -> Int {
        let bits = max(distance, 1).bitPattern
        return min(Int(bits >> 48) - 1023 * binsPerDoubling, binsPerDoubling * doublings - 1)
    }

    private static func start(of bin: Int) -> Double {
        Double(bitPattern: UInt64(bin + 1023 * binsPerDoubling) << 48)
    }
}
