/// What the control plane counts and knows, beside what the workers count; made anew for each scrape.
///
/// What is missing counts as not ready, unknown or zero: a scrape may meet a reload half-way.
package struct ControlMetrics: Sendable {
    /// One endpoint's standing.
    package struct Endpoint: Sendable, Hashable {
        /// It may take requests now.
        package var isReady: Bool
        package var state: EndpointState

        package init(isReady: Bool, state: EndpointState) {
            self.isReady = isReady
            self.state = state
        }
    }

    /// One service's control plane.
    package struct Service: Sendable {
        /// In the order of the names.
        package var endpoints: [Endpoint]
        /// Too few replicas are ready, so those that once were are used as well.
        package var isPanicking: Bool
        package var ejections: EjectionCounts
        /// Nil for a service whose replicas are not found by name.
        package var discovery: DiscoveryCounts?

        package init(
            endpoints: [Endpoint] = [], isPanicking: Bool = false, ejections: EjectionCounts = EjectionCounts(),
            discovery: DiscoveryCounts? = nil
        ) {
            self.endpoints = endpoints
            self.isPanicking = isPanicking
            self.ejections = ejections
            self.discovery = discovery
        }
    }

    /// One certificate as one listener or service uses it.
    package struct Certificate: Sendable {
        /// `listener 0.0.0.0:443`, `service web`.
        package var usedBy: String
        /// The file with its chain, or that of authorities.
        package var file: String
        /// Until the one in use expires; nil: none is in use.
        package var secondsLeft: Int?
        /// The files as they are now are not used.
        package var hasProblem: Bool
        package var replaced: UInt64
        package var refused: UInt64

        package init(
            usedBy: String, file: String, secondsLeft: Int?, hasProblem: Bool, replaced: UInt64, refused: UInt64
        ) {
            self.usedBy = usedBy
            self.file = file
            self.secondsLeft = secondsLeft
            self.hasProblem = hasProblem
            self.replaced = replaced
            self.refused = refused
        }
    }

    /// One quota, beside what the workers count of it.
    package struct Quota: Sendable {
        package var name: String
        /// Nil: it has no store of its own.
        package var isStoreUp: Bool?
        package var evictions: UInt64
        package var memory: Int

        package init(name: String, isStoreUp: Bool?, evictions: UInt64, memory: Int) {
            self.name = name
            self.isStoreUp = isStoreUp
            self.evictions = evictions
            self.memory = memory
        }
    }

    /// One cache, beside what the workers count of it.
    package struct Cache: Sendable {
        package var name: String
        package var answers: Int
        /// Unit: bytes.
        package var memory: Int
        package var evictions: UInt64

        package init(name: String, answers: Int, memory: Int, evictions: UInt64) {
            self.name = name
            self.answers = answers
            self.memory = memory
            self.evictions = evictions
        }
    }

    /// In the order of the names.
    package var services: [Service]
    package var quotas: [Quota] = []
    package var caches: [Cache] = []
    package var sharded: [ShardedService] = []
    /// Those of listeners first.
    package private(set) var certificates: [Certificate] = []
    package var reloads: ReloadCounts
    /// When the configuration in force was read. Unit: milliseconds since the Unix epoch.
    package var configurationLoadedUnixMilliseconds: Int64

    package init(
        services: [Service] = [], reloads: ReloadCounts = ReloadCounts(),
        configurationLoadedUnixMilliseconds: Int64 = 0
    ) {
        self.services = services
        self.reloads = reloads
        self.configurationLoadedUnixMilliseconds = configurationLoadedUnixMilliseconds
    }

    /// A file that one listener uses twice, as a certificate and as an authority, say, is one series.
    package mutating func add(_ certificate: Certificate) {
        let known = self.certificates.firstIndex { $0.usedBy == certificate.usedBy && $0.file == certificate.file }
        guard let known else { return self.certificates.append(certificate) }
        self.certificates[known].secondsLeft = self.certificates[known].secondsLeft ?? certificate.secondsLeft
        self.certificates[known].hasProblem = self.certificates[known].hasProblem || certificate.hasProblem
        self.certificates[known].replaced += certificate.replaced
        self.certificates[known].refused += certificate.refused
    }
}

/// Where an endpoint stands; the raw value is the `state` label of `usher_endpoint_state`.
package enum EndpointState: String, Sendable, Hashable, CaseIterable {
    case starting, ready, unready, unreachable, ejected, paused, drained
}

/// How often replicas of a service were taken out for how they answered, by reason.
package struct EjectionCounts: Sendable, Hashable {
    /// Failures one after the other.
    package var consecutive: UInt64 = 0
    /// Too large a share of failures.
    package var share: UInt64 = 0
    /// The replica itself asked for a pause, by 503 and Retry-After.
    package var paused: UInt64 = 0

    package init() {}

    var labelled: [(label: String, count: UInt64)] {
        [("consecutive", consecutive), ("share", share), ("paused", paused)]
    }
}

/// How resolving a service's name went so far.
package struct DiscoveryCounts: Sendable, Hashable {
    /// The answer had other replicas than the one before.
    package var changed: UInt64 = 0
    package var unchanged: UInt64 = 0
    /// No answer, or none that can be used: the last good one stays.
    package var failed: UInt64 = 0

    package init() {}

    var labelled: [(label: String, count: UInt64)] {
        [("changed", changed), ("unchanged", unchanged), ("failed", failed)]
    }
}

/// How reloads of the configuration ended so far.
package struct ReloadCounts: Sendable, Hashable {
    package var applied: UInt64 = 0
    /// The file had problems, and the configuration in force stayed.
    package var refused: UInt64 = 0
    package var unchanged: UInt64 = 0

    package init() {}

    var labelled: [(label: String, count: UInt64)] {
        [("applied", applied), ("refused", refused), ("unchanged", unchanged)]
    }
}
