internal import UsherCore

/// The strict reader of answers: everything is checked against the bytes that are there.
extension DNSMessage {
    /// The shortest record: the root's name, type, class, TTL and no data. Unit: bytes.
    private static let recordLengthMin = 11

    /// Reads an answer to exactly this question.
    ///
    /// Bytes behind the last record are not looked at.
    package init(
        _ bytes: [UInt8], answering question: DNSQuestion, identifier: UInt16
    ) throws(DNSMalformed) {
        var reader = DNSReader(bytes)
        guard try reader.uint16() == identifier else { throw .otherIdentifier }
        let flags = try reader.uint16()
        // An answer (QR) to a standard query (opcode 0).
        guard flags & 0xF800 == 0x8000 else { throw .notAnAnswer }
        var counts: [Int] = []
        for _ in 0..<4 { counts.append(Int(try reader.uint16())) }
        self.code = DNSResponseCode(flags & 0x000F)
        self.isAuthoritative = flags & 0x0400 != 0
        self.isTruncated = flags & 0x0200 != 0
        self.offersRecursion = flags & 0x0080 != 0
        self.answers = []
        self.additional = []
        try self.readQuestion(&reader, count: counts[0], expected: question)
        // What is left of a truncated message is of no use (RFC 2181 §9).
        if self.isTruncated { return }
        guard counts[1] + counts[2] + counts[3] <= reader.remaining / Self.recordLengthMin else {
            throw .tooManyRecords
        }
        for _ in 0..<counts[1] { self.answers.append(try self.readRecord(&reader).record) }
        for _ in 0..<counts[2] { _ = try self.readRecord(&reader) }
        try self.readAdditional(&reader, count: counts[3])
    }

    private func readQuestion(
        _ reader: inout DNSReader, count: Int, expected: DNSQuestion
    ) throws(DNSMalformed) {
        // A server that cannot read a query or will not answer may leave the question out.
        if count == 0, self.code != .success, self.code != .noSuchName { return }
        guard count == 1 else { throw .otherQuestion }
        guard try DomainName(&reader) == expected.name,
            try reader.uint16() == expected.type.rawValue,
            try reader.uint16() == Self.internetClass
        else { throw .otherQuestion }
    }

    private mutating func readAdditional(_ reader: inout DNSReader, count: Int) throws(DNSMalformed) {
        var sawOptions = false
        for _ in 0..<count {
            let (record, type) = try self.readRecord(&reader)
            guard type == Self.optionsType else {
                self.additional.append(record)
                continue
            }
            // One OPT record at most, and it belongs to the root (RFC 6891 §6.1.1).
            guard !sawOptions, record.owner == .root else { throw .badRecord }
            sawOptions = true
            // The first byte of the TTL is the upper part of the response code.
            self.code.number |= UInt16(truncatingIfNeeded: record.ttl >> 24) << 4
        }
    }

    private func readRecord(_ reader: inout DNSReader) throws(DNSMalformed) -> (record: DNSRecord, type: UInt16) {
        let owner = try DomainName(&reader)
        let type = try reader.uint16()
        let recordClass = try reader.uint16()
        let ttl = try reader.uint32()
        let length = Int(try reader.uint16())
        guard length <= reader.remaining else { throw .cut }
        let end = reader.index + length
        var record = DNSRecord(owner: owner, ttl: ttl, data: .other)
        if type == Self.optionsType {
            reader.index = end
            return (record, type)
        }
        // A TTL with its first bit set counts as 0 (RFC 2181 §8).
        if ttl > UInt32(Int32.max) { record.ttl = 0 }
        if recordClass == Self.internetClass { record.data = try self.readData(&reader, type: type, length: length) }
        switch record.data {
        case .other: reader.index = end
        default: guard reader.index == end else { throw .badRecord }
        }
        return (record, type)
    }

    private func readData(
        _ reader: inout DNSReader, type: UInt16, length: Int
    ) throws(DNSMalformed) -> DNSRecord.Data {
        switch type {
        case DNSRecordType.a.rawValue:
            guard length == 4, let address = IPAddress(networkBytes: try reader.take(4)) else { throw .badRecord }
            return .a(address)
        case DNSRecordType.aaaa.rawValue:
            guard length == 16, let address = IPAddress(networkBytes: try reader.take(16)) else { throw .badRecord }
            return .aaaa(address)
        case DNSRecordType.srv.rawValue:
            let priority = try reader.uint16()
            let weight = try reader.uint16()
            let port = try reader.uint16()
            return .srv(
                DNSService(priority: priority, weight: weight, port: port, target: try DomainName(&reader)))
        case Self.aliasType:
            return .alias(try DomainName(&reader))
        default:
            return .other
        }
    }
}
