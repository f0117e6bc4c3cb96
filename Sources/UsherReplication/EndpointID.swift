/// Which endpoint is meant, whatever place it has in a list: unique within a service as long as the gateway runs.
///
/// A number is never given to a second endpoint, so what was noted of one that has left never falls on another.
public struct EndpointID: Sendable, Hashable, Comparable {
    /// Counted up from 0; a negative number stands for no endpoint.
    public let number: Int32

    @inlinable
    public init(_ number: Int32) {
        self.number = number
    }

    @inlinable
    public static func < (left: EndpointID, right: EndpointID) -> Bool { left.number < right.number }
}
