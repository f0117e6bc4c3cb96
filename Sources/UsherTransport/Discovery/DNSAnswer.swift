package import UsherCore

/// Why a name could not be resolved.
package enum DNSFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// A server that was asked says that there is no such name, or that it has no such records.
    case noSuchName(String)
    /// Nobody gave an answer that can be used; the text says what each server did.
    case noAnswer(String)
    /// The name, or the server's address, is not one that can be asked.
    case notAskable(String)
    /// The task that asked was cancelled.
    case cancelled

    package var description: String {
        switch self {
        case .noSuchName(let name): "there is no \(name)"
        case .noAnswer(let what): what
        case .notAskable(let what): what
        case .cancelled: "the resolution was given up"
        }
    }
}

/// The records that a question led to, behind all aliases.
package struct DNSAnswer: Sendable, Hashable {
    /// All of the type that was asked for, in the server's order; never empty.
    package var records: [DNSRecord]
    /// The shortest of the records and of the aliases that led to them.
    package var ttl: Duration
    /// Addresses of other names that the server added unasked.
    package var additional: [DNSRecord]
}

/// What an answer means for the one who asked.
enum DNSVerdict: Sendable, Hashable {
    case answer(DNSAnswer)
    case noSuchName
    /// Another server may do better; the text says what this one did.
    case useless(String)
}

extension DNSMessage {
    /// More aliases in a row than this are taken for a circle.
    static let aliasesMax = 8

    /// Follows the aliases within the answer and judges what is at their end.
    ///
    /// Records of names that the question does not lead to are not believed.
    func verdict(on question: DNSQuestion) -> DNSVerdict {
        guard self.code == .success || self.code == .noSuchName else { return .useless("\(self.code)") }
        var aliases: [DomainName: DNSRecord] = [:]
        for record in self.answers where aliases[record.owner] == nil {
            if case .alias = record.data { aliases[record.owner] = record }
        }
        var name = question.name
        var ttl = UInt32.max
        var steps = 0
        while case .alias(let target)? = aliases[name]?.data {
            ttl = min(ttl, aliases[name]?.ttl ?? 0)
            steps += 1
            guard steps <= Self.aliasesMax else { return .useless("more than \(Self.aliasesMax) aliases in a row") }
            name = target
        }
        let records = self.answers.filter { $0.owner == name && $0.type == question.type }
        guard !records.isEmpty else { return self.verdictWithoutRecords(sawAlias: steps > 0) }
        guard self.code == .success else { return .useless("NXDOMAIN beside records of the name") }
        ttl = records.reduce(ttl) { min($0, $1.ttl) }
        return .answer(DNSAnswer(records: records, ttl: .seconds(Int64(ttl)), additional: self.additional))
    }

    private func verdictWithoutRecords(sawAlias: Bool) -> DNSVerdict {
        // Who does not recurse knows the end only of its own zone.
        if self.code == .success, !self.offersRecursion, sawAlias || !self.isAuthoritative {
            return .useless("it only refers to other servers")
        }
        return .noSuchName
    }
}

extension DNSRecord {
    /// Nil for aliases and for records that nobody asks for.
    var type: DNSRecordType? {
        switch self.data {
        case .a: .a
        case .aaaa: .aaaa
        case .srv: .srv
        case .alias, .other: nil
        }
    }

    /// Of an A or AAAA record.
    package var address: IPAddress? {
        switch self.data {
        case .a(let address), .aaaa(let address): address
        case .srv, .alias, .other: nil
        }
    }
}
