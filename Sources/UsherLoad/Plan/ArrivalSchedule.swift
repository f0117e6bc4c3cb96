internal import Glibc
package import UsherCore

/// When requests begin.
package enum LoadPace: Sendable, Hashable {
    /// Closed loop: as soon as the one before on the same connection has ended, as if a fixed number of users waited.
    case closed
    /// Open loop: so often, whether or not earlier ones have ended, as users who know nothing of each other do.
    case open(Rate, OpenArrivals)
}

/// How the requests of an open loop follow each other.
package enum OpenArrivals: Sendable, Hashable {
    /// One like the other.
    case even
    /// At random with the same average, as independent users come: sometimes several at once.
    case poisson
}

/// The moments at which the requests of an open loop are meant to begin.
///
/// Latencies count from these moments, not from when a request could be sent at last: while a server stalls, those
/// that should have begun meanwhile are late, too, and a measurement that forgets them knows only a fraction of its
/// users ("coordinated omission").
package struct ArrivalSchedule: Sendable {
    /// When the next request begins.
    package private(set) var next: MonotonicTime

    private let arrivals: OpenArrivals
    private let start: MonotonicTime
    /// Between two requests of all workers together. Unit: nanoseconds.
    private let gap: Double
    private let parts: Int
    /// Of all workers' requests the number of this one's next.
    private var index: Int
    /// Nanoseconds since `start`.
    private var elapsed = 0.0
    private var random: SeededRandom

    /// - Parameters:
    ///   - rate: of all workers together.
    ///   - part: which of `parts` workers this is; each takes its share, and all together keep the rate.
    package init(
        _ rate: Rate, _ arrivals: OpenArrivals, start: MonotonicTime, seed: UInt64, part: Int = 0, of parts: Int = 1
    ) {
        self.arrivals = arrivals
        self.start = start
        self.parts = max(1, parts)
        gap = 1e9 / max(rate.perSecond, 1e-6)
        index = part
        var seeds = SeededRandom(seed: seed)
        for _ in 0..<part { _ = seeds.next() }
        random = SeededRandom(seed: seeds.next())
        next = start
        switch arrivals {
        case .even: setNext(after: Double(index) * gap)
        case .poisson: advance()
        }
    }

    /// The next request begins: determines the one after it.
    package mutating func advance() {
        switch arrivals {
        case .even:
            // From the beginning each time, so that no rounding adds up.
            index += parts
            setNext(after: Double(index) * gap)
        case .poisson:
            // Never 0, of which there is no logarithm.
            let fraction = (Double(random.next() >> 11) + 1) * 0x1p-53
            elapsed -= log(fraction) * gap * Double(parts)
            setNext(after: elapsed)
        }
    }

    private mutating func setNext(after nanoseconds: Double) {
        // A year is enough; more would not fit for a rate of almost nothing.
        next = start.advanced(by: .nanoseconds(Int64(min(nanoseconds, 3.2e16))))
    }
}
