/// What a log says about keys; as `usher advise --json` prints it, with names like those of `usher load --json`.
package struct Advice: Sendable, Encodable {
    /// Lines that are not empty, and those of them that tell of no request.
    package var lines: Int
    package var skipped: Int
    package var shards: Int
    /// What a shard may use as a cache.
    package var memoryBytes: Int
    /// What the log lacks for a better answer, and what to know beside the key. Each a sentence.
    package var notes: [String]
    /// The best first.
    package var candidates: [Candidate]
    /// What to put into `usher.yaml`; empty: no key can be recommended.
    package var configuration: [String]

    enum CodingKeys: String, CodingKey {
        case lines, skipped, shards, notes, candidates, configuration
        case memoryBytes = "memory_bytes"
    }

    package enum Verdict: String, Sendable, Encodable {
        case good
        /// The same key, different answers: whoever comes second gets what is not theirs.
        case tooGeneral = "too general"
        /// A coarser key gives the same answers and keeps each of them once.
        case tooSpecific = "too specific"
    }

    package struct Candidate: Sendable, Encodable {
        /// What stands behind `key:`: a template, or a list of them as YAML.
        package var key: String
        package var verdict: Verdict
        /// Why, in a sentence.
        package var reason: String
        /// Different keys in the log, of requests whose answer a cache could give.
        package var distinctKeys: Int
        /// The share of requests that have none of the key's parts. Range of all shares: 0...1.
        package var missingShare: Double
        package var answers: Answers
        package var hitRatio: HitRatio
        package var balance: [Balance]
        /// The busiest shard's load by the mean in the worst minute; nil: no minute had enough requests.
        package var worstMinute: Double?
        /// The share of the most frequent key, and the least peak-to-mean that any function reaches with it.
        package var topShare: Double
        package var floor: Double
        package var resize: Resize
        /// The most frequent keys.
        package var top: [Frequent]
        /// What as many equal parts of the keys as there are shards get; only of the first candidate.
        package var load: [PartLoad]?
        /// For people.
        package var label: String

        enum CodingKeys: String, CodingKey {
            case key, verdict, reason, answers, balance, floor, resize, top, load
            case distinctKeys = "distinct_keys"
            case missingShare = "missing_share"
            case hitRatio = "hit_ratio"
            case worstMinute = "worst_minute"
            case topShare = "top_share"
        }
    }

    /// Comparison of answers to requests with the same key.
    package struct Answers: Sendable, Encodable {
        /// Requests whose answer was compared with the one before.
        package var compared: Int
        /// The share of them that got another one, and the part of that share that `cause` explains.
        package var differing: Double
        package var explained: Double
        /// The field that explains it; nil: none does.
        package var cause: String?
        /// How many keys stand for one of the coarsest key that is not too general, and the hits which that costs a
        /// cache without bounds.
        package var duplication: Double
        package var hitsLost: Double

        enum CodingKeys: String, CodingKey {
            case compared, differing, explained, cause, duplication
            case hitsLost = "hits_lost"
        }
    }

    /// Of requests whose answer a cache could give, in a least-recently-used cache.
    package struct HitRatio: Sendable, Encodable {
        /// With the memory of one shard.
        package var one: Double
        /// With all shards, each with its own keys.
        package var shards: Double
        /// With as many caches that get requests by chance.
        package var replicas: Double
        /// With memory without end.
        package var unlimited: Double
    }

    /// The busiest shard's load by the mean.
    package struct Balance: Sendable, Encodable {
        package var shards: Int
        package var requests: Double
        /// Nil: the log has none.
        package var bytes: Double?
        /// By the time that answers took; nil: the log has none.
        package var seconds: Double?
    }

    /// What is cold behind a change, as shares of all requests and bytes: as expected, and when the worst shard is it.
    package struct Resize: Sendable, Encodable {
        package var addingRequests: Cold
        package var addingBytes: Cold
        package var losingRequests: Cold
        package var losingBytes: Cold
        /// Answers that have to be fetched again when one is added, and their bytes.
        package var refill: Int
        package var refillBytes: Int

        enum CodingKeys: String, CodingKey {
            case refill
            case addingRequests = "adding_requests"
            case addingBytes = "adding_bytes"
            case losingRequests = "losing_requests"
            case losingBytes = "losing_bytes"
            case refillBytes = "refill_bytes"
        }
    }

    package struct Cold: Sendable, Encodable {
        package var expected: Double
        package var worst: Double
    }

    package struct Frequent: Sendable, Encodable {
        package var share: Double
        /// Nil: values are not to be shown.
        package var value: String?
    }

    /// Every function that spreads keys evenly gives each shard such a part; which one is a matter of hashes.
    package struct PartLoad: Sendable, Encodable {
        /// From 1.
        package var part: Int
        package var requests: Int
        package var bytes: Int
        package var seconds: Double
    }
}
