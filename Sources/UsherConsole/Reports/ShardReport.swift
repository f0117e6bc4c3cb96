/// One sharded service: how its keys are parted, and how much each shard is asked for.
package struct ShardedServiceReport: Codable, Sendable, Hashable {
    package var service: String
    package var function: String
    /// How often the map or the key has changed since the start, and one.
    package var epoch: Int
    /// The share of keys that the last change gave other owners. 0...1; nil at the start, and when it cannot be told.
    package var moved: Double?
    /// Until when earlier owners are asked as well. Unit: seconds since the Unix epoch; nil: they are not.
    package var dualReadUntil: Int?
    /// The most keys of a shard, relative to what its weight asks for; nil where keys are listed.
    package var expectedPeakToMean: Double?
    /// The most requests of a shard in the window, relative to what its weight asks for; nil when there were none.
    package var peakToMean: Double?
    /// The share of keys whose shard has no ready replica, and which nobody answers for. 0...1; where keys are listed
    /// the share of shards.
    package var dark: Double
    /// What rates and shares of the shards are taken over; shorter at the start. Unit: seconds.
    package var windowSeconds: Double
    /// In natural order of their names.
    package var shards: [ShardReport]

    enum CodingKeys: String, CodingKey {
        case service, function, epoch, moved, dark, shards
        case dualReadUntil = "dual-read-until"
        case expectedPeakToMean = "expected-peak-to-mean"
        case peakToMean = "peak-to-mean"
        case windowSeconds = "window-seconds"
    }

    package init(
        service: String, function: String, epoch: Int, moved: Double?, dualReadUntil: Int?,
        expectedPeakToMean: Double?, peakToMean: Double?, dark: Double, windowSeconds: Double, shards: [ShardReport]
    ) {
        self.service = service
        self.function = function
        self.epoch = epoch
        self.moved = moved
        self.dualReadUntil = dualReadUntil
        self.expectedPeakToMean = expectedPeakToMean
        self.peakToMean = peakToMean
        self.dark = dark
        self.windowSeconds = windowSeconds
        self.shards = shards
    }
}

package struct ShardReport: Codable, Sendable, Hashable {
    package var name: String
    package var weight: Int
    /// Its share of all keys. 0...1; nil where keys are listed.
    package var keys: Double?
    package var ready: Int
    package var replicas: Int
    /// Requests that it was sent and that are over, since the start.
    package var requests: UInt64
    /// In the window: requests a second, requests at once on average, and bytes both ways a second.
    package var requestsPerSecond: Double
    package var busy: Double
    package var bytesPerSecond: Double
    /// Requests of its keys that other shards were sent: hot ones, and those for which it had no room or no replica.
    package var spread: UInt64
    package var overflowed: UInt64
    /// Reads of its keys for which the owner in the map before was asked as well.
    package var askedEarlier: UInt64
    /// Its keys that are asked for most.
    package var top: [Key]

    package struct Key: Codable, Sendable, Hashable {
        /// As text; bytes that are no printable text are escaped, and long keys are cut.
        package var key: String
        /// Of the requests of its shard's keys, lately. 0...1.
        package var share: Double
        package var hot: Bool

        package init(key: String, share: Double, hot: Bool) {
            self.key = key
            self.share = share
            self.hot = hot
        }
    }

    enum CodingKeys: String, CodingKey {
        case name, weight, keys, ready, replicas, requests, busy, spread, overflowed, top
        case requestsPerSecond = "requests-per-second"
        case bytesPerSecond = "bytes-per-second"
        case askedEarlier = "asked-earlier"
    }

    package init(
        name: String, weight: Int, keys: Double?, ready: Int, replicas: Int, requests: UInt64,
        requestsPerSecond: Double, busy: Double, bytesPerSecond: Double, spread: UInt64, overflowed: UInt64,
        askedEarlier: UInt64, top: [Key]
    ) {
        self.name = name
        self.weight = weight
        self.keys = keys
        self.ready = ready
        self.replicas = replicas
        self.requests = requests
        self.requestsPerSecond = requestsPerSecond
        self.busy = busy
        self.bytesPerSecond = bytesPerSecond
        self.spread = spread
        self.overflowed = overflowed
        self.askedEarlier = askedEarlier
        self.top = top
    }
}

/// The answer of `/api/v1/shards`.
package struct ShardList: Codable, Sendable {
    package var services: [ShardedServiceReport]

    package init(services: [ShardedServiceReport]) {
        self.services = services
    }
}
