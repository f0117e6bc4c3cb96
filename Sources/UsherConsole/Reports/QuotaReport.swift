internal import UsherTelemetry

/// One quota: what it said so far, and who asked it most.
package struct QuotaReport: Codable, Sendable, Hashable {
    package var name: String
    /// It counts and refuses nothing.
    package var dryRun: Bool
    /// `local`, or where the counts are that gateways share.
    package var store: String
    /// Why the store does not answer; absent when it does.
    package var storeProblem: String?
    /// In the order of the classes; those that never asked are left out.
    package var classes: [ClassTotal]
    /// Most requests first.
    package var callers: [Caller]

    package struct ClassTotal: Codable, Sendable, Hashable {
        package var callerClass: String
        package var allowed: UInt64
        package var refused: UInt64
        /// Let in although `refused` would have been, by `dry-run`.
        package var wouldRefuse: UInt64
        package var storeFailed: UInt64

        enum CodingKeys: String, CodingKey {
            case callerClass = "class"
            case allowed, refused
            case wouldRefuse = "would-refuse"
            case storeFailed = "store-failed"
        }

        package init(
            callerClass: String, allowed: UInt64, refused: UInt64, wouldRefuse: UInt64, storeFailed: UInt64
        ) {
            self.callerClass = callerClass
            self.allowed = allowed
            self.refused = refused
            self.wouldRefuse = wouldRefuse
            self.storeFailed = storeFailed
        }
    }

    package struct Caller: Codable, Sendable, Hashable {
        /// An identity, an address, or what the quota's `key` gave.
        package var caller: String
        package var callerClass: String
        package var requests: UInt64
        /// Of them; also those that `dry-run` let in.
        package var refused: UInt64
        /// `requests` may be too high by so many: a caller takes over the counter of one that was seen less.
        package var error: UInt64
        /// RFC 3339.
        package var firstSeen: String
        package var lastSeen: String

        enum CodingKeys: String, CodingKey {
            case caller, requests, refused, error
            case callerClass = "class"
            case firstSeen = "first-seen"
            case lastSeen = "last-seen"
        }

        package init(
            caller: String, callerClass: String, requests: UInt64, refused: UInt64, error: UInt64,
            firstSeenUnixSeconds: Int64, lastSeenUnixSeconds: Int64
        ) {
            self.caller = caller
            self.callerClass = callerClass
            self.requests = requests
            self.refused = refused
            self.error = error
            self.firstSeen = rfc3339(unixSeconds: firstSeenUnixSeconds)
            self.lastSeen = rfc3339(unixSeconds: lastSeenUnixSeconds)
        }
    }

    enum CodingKeys: String, CodingKey {
        case name, store, classes, callers
        case dryRun = "dry-run"
        case storeProblem = "store-problem"
    }

    package init(
        name: String, dryRun: Bool, store: String, storeProblem: String?, classes: [ClassTotal], callers: [Caller]
    ) {
        self.name = name
        self.dryRun = dryRun
        self.store = store
        self.storeProblem = storeProblem
        self.classes = classes
        self.callers = callers
    }
}

/// The answer of `/api/v1/quotas`.
package struct QuotaList: Codable, Sendable {
    package var quotas: [QuotaReport]

    package init(quotas: [QuotaReport]) {
        self.quotas = quotas
    }
}
