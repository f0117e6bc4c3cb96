internal import NIOCore

/// What a line of a reply says, and the bulk behind it.
extension RESPReader {
    /// Reads the front line, of `count` bytes.
    mutating func line(_ input: ByteBuffer, _ count: Int) throws(RESPProblem) -> Step {
        let line = input.readableBytesUInt8Span.extracting(0..<count)
        let text = line.extracting(droppingFirst: 1)
        switch Kind(rawValue: line[0]) {
        case .simple: return .value(.simple(Self.string(text)))
        case .error: return .value(.error(Self.string(text)))
        case .integer: return .value(.integer(try RESPNumbers.integer(text)))
        case .null:
            guard text.isEmpty else { throw RESPProblem("a null with something behind it") }
            return .value(.null)
        case .boolean: return .value(.boolean(try RESPNumbers.boolean(text)))
        case .double: return .value(.double(try RESPNumbers.double(text)))
        case .bigNumber: return .value(.bigNumber(try RESPNumbers.bigNumber(text)))
        case .bulk: return try self.bulk(.bulk, text)
        case .bulkError: return try self.bulk(.bulkError, text)
        case .verbatim: return try self.bulk(.verbatim, text)
        case .array: return try self.aggregate(.array, text)
        case .map: return try self.aggregate(.map, text)
        case .set: return try self.aggregate(.set, text)
        case .push: return try self.aggregate(.push, text)
        case nil: throw RESPProblem("a reply of no kind")
        }
    }

    private mutating func bulk(_ kind: Kind, _ text: Span<UInt8>) throws(RESPProblem) -> Step {
        let count = try RESPNumbers.integer(text)
        // RESP2's null.
        if count == -1, kind == .bulk { return .value(.null) }
        guard (0...Int64(Self.bulkMaximum)).contains(count) else { throw RESPProblem("a bulk of \(count) bytes") }
        try self.use(Int(count) + 2)
        return .payload(kind, count: Int(count))
    }

    private mutating func aggregate(_ kind: Kind, _ text: Span<UInt8>) throws(RESPProblem) -> Step {
        let count = try RESPNumbers.integer(text)
        if count == -1, kind == .array { return .value(.null) }
        guard (0...Int64(Self.elementsMaximum)).contains(count) else {
            throw RESPProblem("an aggregate of \(count) elements")
        }
        guard kind != .push || self.open.isEmpty else { throw RESPProblem("a push inside a reply") }
        guard self.open.count < Self.depthMaximum else {
            throw RESPProblem("aggregates nested deeper than \(Self.depthMaximum)")
        }
        var aggregate = Aggregate(kind: kind, count: Int(count) * (kind == .map ? 2 : 1))
        self.elements += aggregate.count
        guard self.elements <= Self.elementsMaximum else {
            throw RESPProblem("a reply of more than \(Self.elementsMaximum) elements")
        }
        guard aggregate.count > 0 else { return .value(Self.value(of: aggregate)) }
        aggregate.elements.reserveCapacity(min(aggregate.count, 64))
        return .opened(aggregate)
    }

    func readPayload(_ kind: Kind, _ count: Int, _ input: inout ByteBuffer) throws(RESPProblem) -> RESPValue {
        guard let payload = input.readSlice(length: count), input.readInteger(as: UInt16.self) == 0x0D0A else {
            throw RESPProblem("a bulk that is longer than it says")
        }
        guard kind == .verbatim else { return kind == .bulk ? .bulk(payload) : .error(String(buffer: payload)) }
        var text = payload
        guard let format = text.readString(length: 3), text.readInteger(as: UInt8.self) == UInt8(ascii: ":") else {
            throw RESPProblem("a verbatim string without its format")
        }
        return .verbatim(format: format, text)
    }

    /// What is no UTF-8 becomes a replacement character: these are words for people.
    private static func string(_ text: Span<UInt8>) -> String {
        text.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
