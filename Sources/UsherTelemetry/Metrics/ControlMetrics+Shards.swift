extension ControlMetrics {
    /// One sharded service, with what all workers counted of its shards.
    package struct ShardedService: Sendable {
        package var name: String
        /// How often the map has changed since the start, and one.
        package var epoch: Int
        /// The share of keys whose shard has no ready replica. 0...1.
        package var dark: Double
        /// Keys that are spread.
        package var hotKeys: Int
        package var shards: [Shard]

        package init(name: String, epoch: Int, dark: Double, hotKeys: Int, shards: [Shard]) {
            self.name = name
            self.epoch = epoch
            self.dark = dark
            self.hotKeys = hotKeys
            self.shards = shards
        }
    }

    package struct Shard: Sendable {
        package var name: String
        package var requests: UInt64
        /// Of all its requests together. Unit: nanoseconds.
        package var busy: UInt64
        /// Both ways. Unit: bytes.
        package var bytes: UInt64
        /// Requests of its keys that other shards were sent.
        package var spread: UInt64
        package var overflowed: UInt64
        /// Reads of its keys for which the owner in the map before was asked as well.
        package var askedEarlier: UInt64

        package init(
            name: String, requests: UInt64, busy: UInt64, bytes: UInt64, spread: UInt64, overflowed: UInt64,
            askedEarlier: UInt64
        ) {
            self.name = name
            self.requests = requests
            self.busy = busy
            self.bytes = bytes
            self.spread = spread
            self.overflowed = overflowed
            self.askedEarlier = askedEarlier
        }
    }
}
