/// How much of a value is left when it fades exponentially, as averages and budgets here do.
enum Decay {
    /// e^(-elapsed ÷ timeConstant), both in nanoseconds: 1 at once, 0.37 after one time constant, 0 from 64 on.
    ///
    /// Written out because the pure modules link no mathematics library: e^-x is (e^(-x/64))^64, and for so small an
    /// exponent (1-h)/(1+h) with h = x/128 is exact to x³ ÷ 50,000 (2 in 100,000 at one time constant).
    static func remaining(after elapsed: UInt64, timeConstant: Double) -> Double {
        let half = Double(elapsed) / (timeConstant * 128)
        guard half < 0.5 else { return 0 }
        var value = (1 - half) / (1 + half)
        for _ in 0..<6 { value *= value }
        return value
    }
}
