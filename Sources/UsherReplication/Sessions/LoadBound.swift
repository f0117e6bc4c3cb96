public import UsherCore

/// How far above its fair part an endpoint may be loaded before sessions go elsewhere: hashing with bounded loads.
///
///     capacity = ⌈share × (requests in flight in all + 1) × weight ÷ weights of the available endpoints⌉
///
/// A share above 100 % always leaves room somewhere: the capacities add up to more than what is in flight.
public struct LoadBound: Sendable, Hashable {
    /// Range: from 100 %; less counts as 100 %.
    public let share: Share

    public init(atMost share: Share) {
        self.share = max(share, Share(percent: 100))
    }

    /// How many requests one endpoint may have in flight, the coming one included. At least 1.
    ///
    /// - Parameters:
    ///   - weights: sum of the weights of the available endpoints.
    ///   - inFlight: requests in flight on all endpoints, without the coming one. Negative counts as 0.
    public func capacity(weight: Int, ofWeights weights: Int, inFlight: Int) -> Int {
        let allowed = product(weight: weight, inFlight: inFlight)
        let divisor = divisor(weights)
        return Int(clamping: (allowed + divisor - 1) / divisor)
    }

    /// Whether an endpoint with `load` requests in flight has no room for one more; agrees with `capacity` without its
    /// division.
    public func isFull(load: Int, weight: Int, ofWeights weights: Int, inFlight: Int) -> Bool {
        UInt128(max(load, 0)) * divisor(weights) >= product(weight: weight, inFlight: inFlight)
    }

    /// Below 2¹²⁷: a share has at most 63 bits, of which sensible ones use 27, and both others are cut to 32.
    private func product(weight: Int, inFlight: Int) -> UInt128 {
        UInt128(max(share.partsPerMillion, 0)) * (UInt128(UInt32(clamping: inFlight)) + 1)
            * UInt128(UInt32(clamping: max(weight, 1)))
    }

    private func divisor(_ weights: Int) -> UInt128 {
        UInt128(UInt32(clamping: max(weights, 1))) * 1_000_000
    }
}
