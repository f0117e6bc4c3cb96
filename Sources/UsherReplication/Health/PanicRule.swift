public import UsherCore

/// Decides whether so few endpoints are ready that those which once were are used as well.
///
/// Requests that some replicas would fail are better than none being answered: what is left could not carry the load of
/// all the others, or nothing is left.
public struct PanicRule: Sendable, Hashable {
    /// At or below this ready share it is a panic; at 0% only when none is ready.
    public let share: Share

    public init(share: Share) {
        self.share = share
    }

    /// Without any endpoints there is nothing to panic about.
    public func isPanic(ready: Int, of total: Int) -> Bool {
        guard total > 0 else { return false }
        let allowed = UInt128(max(share.partsPerMillion, 0)) * UInt128(total)
        return UInt128(max(ready, 0)) * 1_000_000 <= allowed
    }
}
