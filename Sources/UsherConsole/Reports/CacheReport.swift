/// One cache: what it holds, and what it did so far for requests of routes that use it.
package struct CacheReport: Codable, Sendable, Hashable {
    package var name: String
    /// Answers that are there.
    package var answers: Int
    /// What they take, and what they may take.
    package var memoryBytes: Int
    package var budgetBytes: Int
    /// Answers that had to go because their room was needed.
    package var evictions: UInt64
    /// Answers that services are being asked for.
    package var onTheirWay: Int
    package var requests: Requests

    /// Requests by what the cache did for them.
    package struct Requests: Codable, Sendable, Hashable {
        package var hit: UInt64
        package var stale: UInt64
        package var staleIfError: UInt64
        package var revalidated: UInt64
        package var miss: UInt64
        package var collapsed: UInt64
        package var pass: UInt64

        enum CodingKeys: String, CodingKey {
            case hit, stale, revalidated, miss, collapsed, pass
            case staleIfError = "stale-if-error"
        }

        package init(
            hit: UInt64 = 0, stale: UInt64 = 0, staleIfError: UInt64 = 0, revalidated: UInt64 = 0, miss: UInt64 = 0,
            collapsed: UInt64 = 0, pass: UInt64 = 0
        ) {
            self.hit = hit
            self.stale = stale
            self.staleIfError = staleIfError
            self.revalidated = revalidated
            self.miss = miss
            self.collapsed = collapsed
            self.pass = pass
        }

        package var total: UInt64 {
            hit &+ stale &+ staleIfError &+ revalidated &+ miss &+ collapsed &+ pass
        }
    }

    enum CodingKeys: String, CodingKey {
        case name, answers, evictions, requests
        case memoryBytes = "memory-bytes"
        case budgetBytes = "budget-bytes"
        case onTheirWay = "on-their-way"
        case hitRatio = "hit-ratio"
    }

    package init(
        name: String, answers: Int, memoryBytes: Int, budgetBytes: Int, evictions: UInt64, onTheirWay: Int,
        requests: Requests
    ) {
        self.name = name
        self.answers = answers
        self.memoryBytes = memoryBytes
        self.budgetBytes = budgetBytes
        self.evictions = evictions
        self.onTheirWay = onTheirWay
        self.requests = requests
    }

    /// The share of requests for which no service was waited for: `hit`, `stale`, and `collapsed` into another's miss.
    /// 0...1 with four digits; nil when nobody has asked yet.
    package var hitRatio: Double? {
        let total = requests.total
        guard total > 0 else { return nil }
        let spared = requests.hit &+ requests.stale &+ requests.collapsed
        return (Double(spared) / Double(total) * 10_000).rounded() / 10_000
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        answers = try values.decode(Int.self, forKey: .answers)
        memoryBytes = try values.decode(Int.self, forKey: .memoryBytes)
        budgetBytes = try values.decode(Int.self, forKey: .budgetBytes)
        evictions = try values.decode(UInt64.self, forKey: .evictions)
        onTheirWay = try values.decode(Int.self, forKey: .onTheirWay)
        requests = try values.decode(Requests.self, forKey: .requests)
    }

    /// By hand for the sake of `"hit-ratio": null`.
    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(answers, forKey: .answers)
        try values.encode(memoryBytes, forKey: .memoryBytes)
        try values.encode(budgetBytes, forKey: .budgetBytes)
        try values.encode(evictions, forKey: .evictions)
        try values.encode(onTheirWay, forKey: .onTheirWay)
        try values.encode(hitRatio, forKey: .hitRatio)
        try values.encode(requests, forKey: .requests)
    }
}

/// The answer of `/api/v1/caches`.
package struct CacheList: Codable, Sendable {
    package var caches: [CacheReport]

    package init(caches: [CacheReport]) {
        self.caches = caches
    }
}
