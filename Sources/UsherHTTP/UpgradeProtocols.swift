/// Judges `Upgrade` (RFC 9110 §7.8): a list of `name` or `name/version`.
enum UpgradeProtocols {
    /// Protocols a field may list, so that judging it stays cheap.
    static let mostProtocols = 8

    /// The value of the one Upgrade field, when it may pass on; nil when there is no such field, more than one, or one
    /// that is malformed or asks for another form of HTTP, whose requests nobody would route or limit.
    static func value(in fields: [HeaderField], _ bytes: Span<UInt8>) -> ByteSlice? {
        var found: ByteSlice?
        for field in fields where field.id == .upgrade {
            guard found == nil else { return nil }
            found = field.value
        }
        guard let found, isAcceptable(bytes.extracting(found.range(in: bytes.count))) else { return nil }
        return found
    }

    private static func isAcceptable(_ value: Span<UInt8>) -> Bool {
        var position = 0
        var count = 0
        while true {
            skipWhiteSpace(value, &position)
            guard let name = token(value, &position), !isHTTP(value.extracting(name)) else { return false }
            if position < value.count, value[position] == 0x2F {
                position += 1
                guard token(value, &position) != nil else { return false }
            }
            count += 1
            skipWhiteSpace(value, &position)
            if position == value.count { return count <= mostProtocols }
            guard value[position] == 0x2C, count < mostProtocols else { return false }
            position += 1
        }
    }

    /// HTTP/2 in clear, HTTP under its own name, and HTTP inside TLS (RFC 2817).
    private static func isHTTP(_ name: Span<UInt8>) -> Bool {
        equalsIgnoringCase(name, "h2c") || equalsIgnoringCase(name, "h2") || equalsIgnoringCase(name, "http")
            || equalsIgnoringCase(name, "tls")
    }

    private static func token(_ value: Span<UInt8>, _ position: inout Int) -> Range<Int>? {
        let start = position
        position = Octets.endOfToken(value, from: start, to: value.count)
        return position > start ? start..<position : nil
    }

    private static func skipWhiteSpace(_ value: Span<UInt8>, _ position: inout Int) {
        while position < value.count, value[position] == Octets.space || value[position] == Octets.tab { position += 1 }
    }
}
