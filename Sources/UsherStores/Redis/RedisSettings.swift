package import UsherCore

/// Where a Redis 7 or Valkey server answers, and how long it may take.
package struct RedisSettings: Sendable, Hashable {
    package var address: ReplicaAddress
    /// Of an ACL. Default: `default`, when there is a password.
    package var username: String?
    package var password: String?
    /// Range: 0 up to the server's `databases`. Default: 0.
    package var database = 0
    /// From a call to its answer; what takes longer has failed.
    package var deadline: Duration

    package init(
        address: ReplicaAddress, username: String? = nil, password: String? = nil, database: Int = 0, deadline: Duration
    ) {
        self.address = address
        self.username = username
        self.password = password
        self.database = database
        self.deadline = deadline
    }
}
