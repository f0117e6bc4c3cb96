/// What happened to one endpoint lately: the last hundred events, oldest first.
///
/// Holds no more memory than its events need, for most endpoints never have more than a few.
public struct EndpointHistory: Sendable, Hashable {
    /// One thing that happened.
    public struct Event: Sendable, Hashable {
        /// Unit: milliseconds since the Unix epoch.
        public var unixMilliseconds: Int64
        /// How the endpoint stood from then on: `EndpointCondition.word`.
        public var condition: String
        /// Why, for people.
        public var reason: String

        public init(unixMilliseconds: Int64, condition: String, reason: String) {
            self.unixMilliseconds = unixMilliseconds
            self.condition = condition
            self.reason = reason
        }
    }

    /// How many events are kept.
    public static let capacity = 100

    private var ring: [Event] = []
    /// Where the oldest event is, once the ring is full.
    private var oldest = 0

    public init() {}

    public var count: Int { ring.count }

    /// Oldest first.
    public var events: [Event] { Array(ring[oldest...] + ring[..<oldest]) }

    /// Notes an event; the oldest one goes when there are too many.
    public mutating func append(unixMilliseconds: Int64, condition: String, reason: String) {
        let event = Event(unixMilliseconds: unixMilliseconds, condition: condition, reason: reason)
        guard ring.count == Self.capacity else {
            ring.append(event)
            return
        }
        ring[oldest] = event
        oldest = (oldest + 1) % Self.capacity
    }

    /// The same events, wherever the ring begins.
    public static func == (left: EndpointHistory, right: EndpointHistory) -> Bool { left.events == right.events }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(events)
    }
}
