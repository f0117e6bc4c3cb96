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

    /// Notes a failed try on `id`; noting it twice changes nothing.
    public mutating func insert(_ id: EndpointID) {
        guard id.number >= 0, !contains(id) else { return }
        if count < inline.count {
            inline[count] = id.number
        } else {
            overflow.append(id.number)
        }
        count += 1
    }

    /// Whether this request failed on `id` before.
    @inlinable
    public func contains(_ id: EndpointID) -> Bool {
        let number = id.number
        // The empty places are -1.
        guard number >= 0 else { return false }
        if inline[0] == number || inline[1] == number || inline[2] == number || inline[3] == number { return true }
        return !overflow.isEmpty && overflow.contains(number)
    }
}
