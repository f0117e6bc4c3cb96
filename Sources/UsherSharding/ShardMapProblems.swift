/// Everything that is wrong with the shards of a map, at once.
public struct ShardMapProblems: Error, Sendable, Hashable, CustomStringConvertible {
    /// One thing that is wrong, and what to do about it.
    public struct Problem: Sendable, Hashable {
        /// The name of the shard where it is mended; nil: the function or the list of shards is to blame.
        public var shard: String?
        /// Lower-case, no full stop.
        public var message: String
    }

    /// At least one.
    public private(set) var list: [Problem] = []

    public var description: String { list.map(\.message).joined(separator: "; ") }

    init() {}

    mutating func add(_ shard: Shard?, _ message: String) {
        list.append(Problem(shard: shard?.name, message: message))
    }
}
