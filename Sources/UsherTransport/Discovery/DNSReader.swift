/// Why the bytes of an answer are not believed.
package enum DNSMalformed: String, Error, Sendable, Hashable {
    /// The message ends inside something.
    case cut = "the message is cut"
    /// A name is too long, points forward or in a circle, or has an unknown kind of label.
    case badName = "a name cannot be read"
    /// The header tells more records than the message has bytes for.
    case tooManyRecords = "more records are told than there are"
    /// A record's data has the wrong length.
    case badRecord = "a record cannot be read"
    /// A query, or another kind of message than a plain answer.
    case notAnAnswer = "not an answer"
    case otherIdentifier = "the identifier is another"
    case otherQuestion = "the question is another"
}

/// A place in a message that only moves within its bytes.
struct DNSReader {
    let bytes: [UInt8]
    var index = 0

    /// How many bytes are left.
    var remaining: Int { self.bytes.count - self.index }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func byte(at place: Int) throws(DNSMalformed) -> UInt8 {
        guard self.bytes.indices.contains(place) else { throw .cut }
        return self.bytes[place]
    }

    func bytes(at place: Int, count: Int) throws(DNSMalformed) -> ArraySlice<UInt8> {
        guard place >= 0, count >= 0, count <= self.bytes.count, place <= self.bytes.count - count else { throw .cut }
        return self.bytes[place..<(place + count)]
    }

    mutating func take(_ count: Int) throws(DNSMalformed) -> ArraySlice<UInt8> {
        let slice = try self.bytes(at: self.index, count: count)
        self.index += count
        return slice
    }

    mutating func uint16() throws(DNSMalformed) -> UInt16 {
        try self.take(2).reduce(0) { $0 << 8 | UInt16($1) }
    }

    mutating func uint32() throws(DNSMalformed) -> UInt32 {
        try self.take(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}
