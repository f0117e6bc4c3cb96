/// What the fields of a head say about the message itself: how long it is, whose it is, whether the connection stays.
struct FieldFacts {
    /// Options that `Connection` may carry and this codec acts on.
    struct ConnectionOptions: OptionSet {
        var rawValue: UInt8
        static let close = ConnectionOptions(rawValue: 1)
        static let keepAlive = ConnectionOptions(rawValue: 2)
        static let upgrade = ConnectionOptions(rawValue: 4)
        /// Some option names a field, which must be looked for.
        static let fieldName = ConnectionOptions(rawValue: 8)
    }

    /// Connection options a head may list, so that looking for the named fields stays cheap.
    static let mostConnectionOptions = 32

    private(set) var seen = HeaderSet()
    private(set) var connection = ConnectionOptions()
    private(set) var expectsContinue = false
    private(set) var host: ByteSlice?
    private(set) var contentLength: Int?
    private var connectionOptionCount = 0

    var isChunked: Bool { seen.contains(.transferEncoding) }

    /// Fields that are read here; all others only pass through.
    @inline(__always)
    private static var read: HeaderSet {
        HeaderSet().with(.host).with(.connection).with(.contentLength).with(.transferEncoding).with(.expect)
    }

    /// Takes one field into account, or says why the message is refused.
    @inline(__always)
    mutating func note(_ field: HeaderField, _ bytes: Span<UInt8>, version: HTTPVersion, isRequest: Bool) -> Fault? {
        guard field.id != .other else { return nil }
        let repeated = seen.contains(field.id)
        seen.insert(field.id)
        guard Self.read.contains(field.id) else { return nil }
        return read(field, bytes, version: version, isRequest: isRequest, repeated: repeated)
    }

    @inline(never)
    private mutating func read(
        _ field: HeaderField, _ bytes: Span<UInt8>, version: HTTPVersion, isRequest: Bool, repeated: Bool
    ) -> Fault? {
        let value = bytes.extracting(field.value.range(in: bytes.count))
        switch field.id {
        case .host where isRequest:
            guard !repeated else { return .severalHosts }
            guard Authority.isValid(value) else { return .malformedHost }
            host = field.value
        case .connection:
            return readConnection(value)
        case .contentLength:
            guard !isAlias(field, bytes) else { return .aliasOfLength }
            guard !repeated else { return .severalLengths }
            guard let length = Self.length(value) else { return .malformedLength }
            contentLength = length
        case .transferEncoding:
            guard !isAlias(field, bytes) else { return .aliasOfCoding }
            guard version == .http11 else { return .codingInVersion10 }
            guard !repeated else { return .severalCodings }
            return TransferCoding.fault(value)
        case .expect where isRequest:
            guard equalsIgnoringCase(value, "100-continue") else { return .unknownExpectation }
            // A 1.0 client could not read the interim answer (RFC 9110 §10.1.1).
            expectsContinue = version == .http11
        default:
            break
        }
        return nil
    }

    /// What only the whole head shows; called once, at its end.
    @inline(__always)
    mutating func finish(_ fields: inout [HeaderField], _ bytes: Span<UInt8>) -> Fault? {
        if isChunked, contentLength != nil { return .lengthAndCoding }
        if connection.contains(.fieldName) { return markListed(&fields, bytes) }
        return nil
    }

    /// Digits only, no leading zero, at most 2^63-1.
    private static func length(_ value: Span<UInt8>) -> Int? {
        guard value.count > 0, value.count <= 19, value.count == 1 || value[0] != 0x30 else { return nil }
        var result = 0
        for index in value.indices {
            guard Octets.isDigit(value[index]) else { return nil }
            let (tenfold, overflow) = result.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(Int(value[index] &- 0x30))
            guard !overflow, !carry else { return nil }
            result = sum
        }
        return result
    }

    /// Whether a name is written with `_`, which some services read as the field and others do not.
    private func isAlias(_ field: HeaderField, _ bytes: Span<UInt8>) -> Bool {
        for index in field.name.range(in: bytes.count) where bytes[index] == 0x5F { return true }
        return false
    }

    private mutating func readConnection(_ value: Span<UInt8>) -> Fault? {
        var position = 0
        while let option = TokenList.next(value, &position) {
            guard let option else { return .malformedConnection }
            connectionOptionCount += 1
            guard connectionOptionCount <= Self.mostConnectionOptions else {
                return .tooManyOptions
            }
            let name = value.extracting(option)
            if equalsFolded(name, "close") {
                connection.insert(.close)
            } else if equalsFolded(name, "keep-alive") {
                connection.insert(.keepAlive)
            } else if equalsFolded(name, "upgrade") {
                connection.insert(.upgrade)
            } else if equalsFolded(name, "host") || equalsFolded(name, "content-length") {
                // Dropping these would make another message of it.
                return .essentialOption
            } else {
                connection.insert(.fieldName)
            }
        }
        return nil
    }

    @inline(never)
    private func markListed(_ fields: inout [HeaderField], _ bytes: Span<UInt8>) -> Fault? {
        for index in fields.indices where fields[index].id == .connection {
            let value = bytes.extracting(fields[index].value.range(in: bytes.count))
            var position = 0
            while let option = TokenList.next(value, &position) {
                guard let option else { continue }
                let name = value.extracting(option)
                for other in fields.indices {
                    let field = bytes.extracting(fields[other].name.range(in: bytes.count))
                    if equalsFolded(field, name) { fields[other].listedInConnection = true }
                }
            }
        }
        return nil
    }
}
