public import UsherCore
public import UsherQuotas

/// How much callers may use, by class.
public struct QuotaSettings: Sendable, Hashable {
    public struct ClassLimit: Sendable, Hashable {
        public var callerClass: String
        /// At least one, at most four.
        public var windows: [QuotaWindow]
    }

    /// How many requests of one caller may be on their way.
    public enum InFlight: Sendable, Hashable {
        case unlimited
        case all(Int)
        case byClass([ClassCount])
    }

    public struct ClassCount: Sendable, Hashable {
        public var callerClass: String
        public var count: Int
    }

    public enum OnFailure: String, CaseIterable, Sendable, Hashable {
        /// Everything passes, uncounted.
        case allow
        /// Everything is refused (503).
        case refuse
        /// This gateway counts alone until the store answers again.
        case local
    }

    public var name: String
    /// In the order of the file. A class that is named nowhere has the limit of `authenticated`.
    public var limits: [ClassLimit] = []
    /// What callers are told apart by. Nil: the identity, or the client's address (/64 for IPv6) when anonymous.
    public var key: Template?
    /// What a request uses: a whole number, or a template that gives one. Default: 1.
    public var cost = Template(literal: "1")
    public var inFlight = InFlight.unlimited
    /// Counts and logs, and refuses nothing.
    public var dryRun = false
    /// Nil: each gateway counts for itself.
    public var store: QuotaStoreSettings?
    public var onFailure = OnFailure.local

    public init(name: String) {
        self.name = name
    }

    /// The windows that hold for a class; nil: it is not limited.
    public func windows(for callerClass: String) -> [QuotaWindow]? {
        Self.value(for: callerClass, in: limits.map { ($0.callerClass, $0.windows) })
    }

    /// How many requests of a caller of this class may be on their way; nil: any number.
    public func inFlightMaximum(for callerClass: String) -> Int? {
        switch inFlight {
        case .unlimited: nil
        case .all(let count): count
        case .byClass(let counts): Self.value(for: callerClass, in: counts.map { ($0.callerClass, $0.count) })
        }
    }

    private static func value<Value>(for callerClass: String, in pairs: [(String, Value)]) -> Value? {
        if let own = pairs.first(where: { $0.0 == callerClass }) { return own.1 }
        return callerClass == CallerClass.anonymousName
            ? nil : pairs.first { $0.0 == CallerClass.authenticatedName }?.1
    }
}

/// Where counts are kept that several gateways share: Redis 7 or Valkey.
public struct QuotaStoreSettings: Sendable, Hashable, CustomStringConvertible {
    public var address = ReplicaAddress.ip(IPAddress(v4: 0x7f00_0001), port: 6379)
    /// Nil: `default`, the user of servers that know none.
    public var username: String?
    public var password: String?
    public var database = 0
    /// How long an answer may take. Default: 5 ms.
    public var deadline = Duration.milliseconds(5)

    public init() {}

    /// Without the secret, so that it can stand in a log.
    public var description: String {
        database == 0 ? "\(address)" : "\(address), database \(database)"
    }
}

/// What a route takes of a quota.
public struct RouteQuota: Sendable, Hashable {
    public var name: String
    /// Nil: what the quota says.
    public var cost: Template?

    public init(name: String, cost: Template? = nil) {
        self.name = name
        self.cost = cost
    }
}
