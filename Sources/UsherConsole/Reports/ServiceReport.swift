/// One service as `/api/v1/services` shows it.
package struct ServiceReport: Codable, Sendable, Hashable {
    package var name: String
    /// `replicated` or `sharded`; later issues add patterns.
    package var pattern: String
    package var balance: String
    /// None for a sharded service: those of its shards, which are listed as `SERVICE/SHARD`, are all that there are.
    package var endpoints: [EndpointReport]
    /// How many shards it has; absent for a service that is not sharded.
    package var shards: Int?
    /// The share of its keys that nobody answers for; where keys are listed the share of shards. 0...1; absent for a
    /// service that is not sharded.
    package var dark: Double?
    /// Retries so far, as `usher_service_retries_total` has them.
    package var retries: UInt64
    /// Requests that wait for a connection.
    package var queued: Int
    /// Sessions that went to another replica because theirs was gone; absent for services without sessions.
    package var sessionsMoved: UInt64?
    /// Where the endpoints come from when they are looked up.
    package var discovery: Discovery?

    /// What is known of a name that is looked up again and again.
    package struct Discovery: Codable, Sendable, Hashable {
        /// As the configuration has it: `web.internal:80`.
        package var name: String
        /// Age of the last good answer, which is in force. Unit: seconds. Absent before the first.
        package var age: Int?
        /// Endpoints in that answer.
        package var count: Int
        /// Why the latest look-up failed; absent when it did not.
        package var error: String?

        enum CodingKeys: String, CodingKey {
            case name
            case age = "age-seconds"
            case count, error
        }

        package init(name: String, age: Int?, count: Int, error: String? = nil) {
            self.name = name
            self.age = age
            self.count = count
            self.error = error
        }
    }

    enum CodingKeys: String, CodingKey {
        case name, pattern, balance, endpoints, shards, dark, retries, queued
        case sessionsMoved = "sessions-moved"
        case discovery
    }

    package init(
        name: String, pattern: String = "replicated", balance: String, endpoints: [EndpointReport], shards: Int? = nil,
        dark: Double? = nil, retries: UInt64 = 0, queued: Int = 0, sessionsMoved: UInt64? = nil,
        discovery: Discovery? = nil
    ) {
        self.name = name
        self.pattern = pattern
        self.balance = balance
        self.endpoints = endpoints
        self.shards = shards
        self.dark = dark
        self.retries = retries
        self.queued = queued
        self.sessionsMoved = sessionsMoved
        self.discovery = discovery
    }
}
