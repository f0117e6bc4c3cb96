import UsherReplication

/// What is known of one request's session, from its recognition to the end of its answer.
struct Session: Sendable {
    /// What became of the session when a replica was chosen.
    enum Outcome: Sendable, Hashable {
        /// It had no replica that we know of; it has one now.
        case new
        /// It reached the replica it belongs to.
        case kept
        /// Its replica is gone or full, and another one was chosen: the application is told.
        case moved
    }

    /// Why a cookie that came was not believed.
    enum Refusal: String, Sendable, Hashable, CaseIterable {
        case expired, forged, malformed
    }

    /// Finds the replica when `wanted` is unknown or gone. Nil: any replica will do.
    let key: SessionKey?
    /// The replica that the session was with.
    let wanted: EndpointTag?
    /// Whether where it belongs follows from `key` alone.
    let isHashed: Bool
    /// The cookie must be set whatever replica is chosen: there is no valid one, or it is due for renewal.
    let needsCookie: Bool
    /// Of the last cookie that was refused.
    let refusal: Refusal?
    /// The number in a valid cookie.
    let number: UInt64?
    /// The value's name in the table of followed sessions.
    let tableKey: SessionTable.Key?
    var outcome = Outcome.new

    init(
        key: SessionKey? = nil, wanted: EndpointTag? = nil, isHashed: Bool = false, needsCookie: Bool = false,
        refusal: Refusal? = nil, number: UInt64? = nil, tableKey: SessionTable.Key? = nil
    ) {
        self.key = key
        self.wanted = wanted
        self.isHashed = isHashed
        self.needsCookie = needsCookie
        self.refusal = refusal
        self.number = number
        self.tableKey = tableKey
    }

    /// Nobody recognised it before.
    var isNew: Bool { self.wanted == nil && !self.isHashed }

    /// A replica was chosen by `key`.
    mutating func picked(isFirstChoice: Bool) {
        if self.isHashed {
            self.outcome = isFirstChoice ? .kept : .moved
        } else {
            self.outcome = self.wanted == nil ? .new : .moved
        }
    }
}
