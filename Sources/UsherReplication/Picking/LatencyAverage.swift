import UsherCore

/// One endpoint's expected latency: a moving average that jumps to peaks at once and forgets them over ten seconds.
///
/// This is the peak-sensitive average known from Finagle: a sample above it replaces it, one below pulls it down by
/// the time since the previous sample. Two things differ. Silence fades the cost only while no request is started, so
/// an endpoint that was slow gets one probe and not a flood of them; and the penalty of an unmeasured endpoint that
/// owes its first answer lapses after `timeConstant`, so a hanging exchange does not exclude it for ever.
struct LatencyAverage: Sendable {
    /// How long a peak is remembered: after this time without samples 37 % of it are left. Unit: nanoseconds.
    static let timeConstant = 10_000_000_000.0
    /// What an endpoint costs that owes its very first answer: more than any that has answered. Unit: nanoseconds.
    static let unmeasuredCost = 1e18

    /// The average in nanoseconds; 0 means never measured.
    private var nanoseconds = 0.0
    private var sampledAt: UInt64 = 0
    private var startedAt: UInt64 = 0

    /// A request was sent to the endpoint.
    mutating func requestStarted(now: MonotonicTime) {
        startedAt = max(startedAt, now.nanoseconds)
    }

    /// An answer took `latency`, in nanoseconds.
    mutating func record(_ latency: UInt64, now: MonotonicTime) {
        let sample = Double(max(latency, 1))
        if sample >= nanoseconds {
            nanoseconds = sample
        } else {
            let elapsed = now.nanoseconds > sampledAt ? now.nanoseconds &- sampledAt : 0
            let kept = Decay.remaining(after: elapsed, timeConstant: Self.timeConstant)
            nanoseconds = nanoseconds * kept + sample * (1 - kept)
        }
        sampledAt = max(sampledAt, now.nanoseconds)
    }

    /// The expected latency times the requests that would then be in flight; lower is better.
    func cost(inFlight: Int32, now: MonotonicTime) -> Double {
        let touchedAt = max(sampledAt, startedAt)
        let silence = now.nanoseconds > touchedAt ? now.nanoseconds &- touchedAt : 0
        if nanoseconds == 0 {
            if inFlight == 0 || Double(silence) > Self.timeConstant { return 0 }
            return Self.unmeasuredCost * (Double(inFlight) + 1)
        }
        return nanoseconds * Decay.remaining(after: silence, timeConstant: Self.timeConstant) * (Double(inFlight) + 1)
    }
}
