/// The endpoints that one request has already failed on, so that no try goes to the same one twice.
///
/// The first four need no memory of their own; only a request that fails on more of them allocates.
public struct TriedEndpoints: Sendable {
    @usableFromInline var inline: InlineArray<4, Int32> = [-1, -1, -1, -1]
    @usableFromInline var overflow: [Int32] = []

    /// How many different endpoints were tried.
    public private(set) var count = 0

    /// No endpoint tried yet.
    public init() {}

    /// Whether this is the request's first try.
    public var isEmpty: Bool { count == 0 }

    /// Notes a failed try on `index`; noting it twice changes nothing.
    public mutating func insert(_ index: Int) {
        guard let index = Int32(exactly: index), index >= 0, !contains(index) else { return }
        if count < inline.count {
            inline[count] = index
        } else {
            overflow.append(index)
        }
        count += 1
    }

    /// Whether this request failed on endpoint `index` before.
    @inlinable
    public func contains(_ index: Int) -> Bool {
        guard let index = Int32(exactly: index), index >= 0 else { return false }
        return contains(index)
    }

    /// `index` is never negative: the empty places are -1.
    @inlinable
    func contains(_ index: Int32) -> Bool {
        if inline[0] == index || inline[1] == index || inline[2] == index || inline[3] == index { return true }
        return !overflow.isEmpty && overflow.contains(index)
    }
}
