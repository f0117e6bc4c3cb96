package import UsherCore

/// Where a Redis 7 or Valkey server answers, and how long it may take.
package struct RedisSettings: Sendable, Hashable, CustomStringConvertible {
    package var address: ReplicaAddress
    /// Of an ACL. Default: `default`, when there is a password.
    package var username: String?
    package var password: String?
    /// Range: 0 up to the server's `databases`. Default: 0.
    package var database = 0
    /// From a call to its answer; what takes longer has failed. Default: 5 ms.
    package var deadline: Duration = .milliseconds(5)

    package init(
        address: ReplicaAddress, username: String? = nil, password: String? = nil, database: Int = 0,
        deadline: Duration = .milliseconds(5)
    ) {
        self.address = address
        self.username = username
        self.password = password
        self.database = database
        self.deadline = deadline
    }

    /// Without the secret, so that it can stand in a log.
    package var description: String {
        self.database == 0 ? "\(self.address)" : "\(self.address), database \(self.database)"
    }
}
