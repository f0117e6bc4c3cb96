package import UsherCore

/// The kinds of records that discovery asks for.
package enum DNSRecordType: UInt16, Sendable, Hashable {
    /// IPv4 address (RFC 1035 §3.4.1).
    case a = 1
    /// IPv6 address (RFC 3596 §2.1).
    case aaaa = 28
    /// Host and port of a service (RFC 2782).
    case srv = 33
}

/// What a server is asked; the class is always the Internet's.
package struct DNSQuestion: Sendable, Hashable {
    package var name: DomainName
    package var type: DNSRecordType

    package init(_ name: DomainName, _ type: DNSRecordType) {
        self.name = name
        self.type = type
    }
}

/// One line of an answer.
package struct DNSRecord: Sendable, Hashable {
    package enum Data: Sendable, Hashable {
        case a(IPAddress)
        case aaaa(IPAddress)
        case alias(DomainName)
        case srv(DNSService)
        /// Of a type or class that nobody here asks for.
        case other
    }

    package var owner: DomainName
    /// How long the record may be kept. Unit: seconds, 0...2³¹ − 1.
    package var ttl: UInt32
    package var data: Data

    package init(owner: DomainName, ttl: UInt32, data: Data) {
        self.owner = owner
        self.ttl = ttl
        self.data = data
    }
}

/// The data of an SRV record: where a service runs.
package struct DNSService: Sendable, Hashable {
    /// Lower is asked first.
    package var priority: UInt16
    /// Share among those of the same priority.
    package var weight: UInt16
    package var port: UInt16
    package var target: DomainName

    package init(priority: UInt16, weight: UInt16, port: UInt16, target: DomainName) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = target
    }
}

/// What a server says of the whole question (RFC 1035 §4.1.1, RFC 6891 §6.1.3).
package struct DNSResponseCode: Sendable, Hashable, CustomStringConvertible {
    /// 0...4095; the upper eight bits come from EDNS.
    package var number: UInt16

    package init(_ number: UInt16) {
        self.number = number
    }

    package static let success = DNSResponseCode(0)
    package static let badFormat = DNSResponseCode(1)
    package static let serverFailure = DNSResponseCode(2)
    package static let noSuchName = DNSResponseCode(3)
    package static let notImplemented = DNSResponseCode(4)
    package static let refused = DNSResponseCode(5)

    package var description: String {
        switch self {
        case .success: "NOERROR"
        case .badFormat: "FORMERR"
        case .serverFailure: "SERVFAIL"
        case .noSuchName: "NXDOMAIN"
        case .notImplemented: "NOTIMP"
        case .refused: "REFUSED"
        default: "response code \(self.number)"
        }
    }
}

/// Queries and answers of the domain name system as bytes (RFC 1035 §4); no I/O.
package struct DNSMessage: Sendable, Hashable {
    /// Unit: bytes.
    static let headerLength = 12
    /// The largest answer that is asked for over UDP: it fits into one packet nearly everywhere. Unit: bytes.
    package static let datagramMax = 1232

    package var code: DNSResponseCode
    /// The answer did not fit; it is to be asked for over TCP.
    package var isTruncated: Bool
    /// The server owns the zone.
    package var isAuthoritative: Bool
    /// The server asks others for names that it does not own.
    package var offersRecursion: Bool
    /// Empty when the message is truncated.
    package var answers: [DNSRecord]
    /// What the server adds unasked: the addresses of SRV targets.
    package var additional: [DNSRecord]

    /// The bytes of a recursive query.
    ///
    /// - Parameter extended: with an OPT record that offers `datagramMax` (RFC 6891 §6.1.2).
    package static func query(_ question: DNSQuestion, identifier: UInt16, extended: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headerLength + question.name.wire.count + 15)
        // Flags: recursion desired. Counts: one question, and the OPT record among the additional ones.
        for number in [identifier, 0x0100, 1, 0, 0, extended ? 1 : 0] { bytes.append(number: number) }
        bytes.append(contentsOf: question.name.wire)
        bytes.append(number: question.type.rawValue)
        bytes.append(number: internetClass)
        if extended {
            bytes.append(0)
            for number in [optionsType, UInt16(datagramMax), 0, 0, 0] { bytes.append(number: number) }
        }
        return bytes
    }

    static let internetClass: UInt16 = 1
    static let aliasType: UInt16 = 5
    static let optionsType: UInt16 = 41
}

extension [UInt8] {
    /// Appends it in network order.
    fileprivate mutating func append(number: UInt16) {
        self.append(UInt8(truncatingIfNeeded: number >> 8))
        self.append(UInt8(truncatingIfNeeded: number))
    }
}
