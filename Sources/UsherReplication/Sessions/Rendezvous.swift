internal import UsherCore

/// Maps session keys to endpoints so that an endpoint that leaves moves only its own sessions, and one that comes takes
/// only its part of everybody's.
///
/// The highest score of rendezvous hashing wins, so sessions fall to endpoints in proportion to weight. Scores depend
/// on names and weights alone: the order of the list does not matter, and gateways that know the same endpoints agree
/// without talking.
///
/// A pick costs two multiplications an endpoint and allocates nothing.
public struct Rendezvous: Sendable {
    /// Where a session goes.
    public struct Choice: Sendable, Hashable {
        /// Index in the array given to `init`.
        public var index: Int
        /// False: the session belongs to another endpoint, which is unavailable or full.
        public var isFirstChoice: Bool

        public init(index: Int, isFirstChoice: Bool) {
            self.index = index
            self.isFirstChoice = isFirstChoice
        }
    }

    private let primaries: RendezvousTier
    private let backups: RendezvousTier
    /// Sorted by tag.
    private let places: [(tag: UInt64, index: Int)]

    /// - Parameter endpoints: `tag` is the hash of an `EndpointTag`. `weight` is the share of the sessions relative to
    ///   the others, 1...1,000,000, values outside are clamped. Backups take sessions when no primary is available.
    public init(_ endpoints: [(tag: UInt64, weight: Int, isBackup: Bool)]) {
        primaries = Self.tier(of: endpoints, backups: false)
        backups = Self.tier(of: endpoints, backups: true)
        places = endpoints.enumerated().map { ($1.tag, $0) }.sorted { $0 < $1 }
    }

    private static func tier(
        of endpoints: [(tag: UInt64, weight: Int, isBackup: Bool)], backups: Bool
    ) -> RendezvousTier {
        RendezvousTier(
            endpoints.enumerated().filter { $0.element.isBackup == backups }
                .map { (tag: $0.element.tag, weight: $0.element.weight, index: $0.offset) })
    }

    public var count: Int { places.count }

    /// The endpoint of this name; of several with one name the first. O(log n).
    public func index(of tag: EndpointTag) -> Int? {
        var low = 0
        var high = places.count
        while low < high {
            let middle = low + (high - low) / 2
            if places[middle].tag < tag.hash {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < places.count && places[low].tag == tag.hash ? places[low].index : nil
    }

    /// The endpoint a key belongs to while all are available; backups own keys only where there are no primaries.
    public func firstChoice(of key: SessionKey) -> Int? {
        primaries.first(key.hash) ?? backups.first(key.hash)
    }

    /// The highest score among the available primaries, else among the available backups.
    ///
    /// Where some of them are not full the full ones are left out; where all are full the load is even anyway, and the
    /// highest score takes one more. Both questions are asked about few endpoints: in the ordinary case one.
    ///
    /// - Parameters:
    ///   - isAvailable: whether the endpoint of this index may be picked now.
    ///   - isFull: whether it has as many requests as a `LoadBound` lets it have; asked of available ones only.
    public func pick(
        _ key: SessionKey, isAvailable: (Int) -> Bool, isFull: (Int) -> Bool = { _ in false }
    ) -> Choice? {
        guard let first = firstChoice(of: key) else { return nil }
        if isAvailable(first) && !isFull(first) { return Choice(index: first, isFirstChoice: true) }
        guard
            let index = primaries.best(key.hash, isAvailable: isAvailable, isFull: isFull)
                ?? backups.best(key.hash, isAvailable: isAvailable, isFull: isFull)
        else { return nil }
        return Choice(index: index, isFirstChoice: index == first)
    }
}
