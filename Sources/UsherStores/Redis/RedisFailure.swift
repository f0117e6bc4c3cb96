/// Why a call has no answer that can be used.
package struct RedisFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable, CaseIterable {
        /// There is no connection, or it was lost under the call.
        case disconnected
        /// No answer within the deadline, or none lately, so that this call was not even sent.
        case silent
        /// More calls wait than the server answers.
        case overloaded
        /// The server's own error.
        case refused
        /// What came is no answer to what was asked.
        case malformed
        /// The store was closed.
        case closed
    }

    package var kind: Kind
    /// The end of a sentence that begins with the store: lower-case, no full stop; the server's own words as they came.
    package var reason: String

    package init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    package var description: String { self.reason }

    /// Longer words of a server are cut. Unit: characters.
    private static let wordsMaximum = 200

    /// The server's error reply, safe to be shown on one line.
    static func refused(_ words: String) -> RedisFailure {
        RedisFailure(.refused, String(words.prefix(Self.wordsMaximum).map { $0.isPlain ? $0 : "?" }))
    }

    /// The first word of the server's error: `READONLY`.
    package var code: Substring? {
        self.kind == .refused ? self.reason.prefix { $0 != " " } : nil
    }

    /// The server cannot serve any call at present, whatever its key: all errors but those about one key's value.
    var concernsAllCalls: Bool {
        guard let code = self.code else { return self.kind != .overloaded }
        return code != "WRONGTYPE" && self.reason != RedisQuotaScript.foreignValue
    }

    /// Another connection may lead to a server that can: a name may stand for another machine after a failover.
    var asksForNewConnection: Bool { self.code == "READONLY" || self.code == "NOAUTH" }
}

extension Character {
    /// Printable ASCII.
    fileprivate var isPlain: Bool { self.asciiValue.map { (0x20..<0x7F).contains($0) } ?? false }
}
