/// A field of the request's head that somebody logged because it matters to them, such as `X-Tenant`.
struct LoggedHeader: Sendable {
    /// As the log has it, without what stands before `x-`.
    var name: Range<Int> = 0..<0
    var value: Range<Int> = 0..<0

    /// More of one line are not looked at.
    static let countMax = 4

    /// What servers put before the name of a field: nginx, Traefik, and people.
    private static let prefixes: [StaticString] = ["http_", "request_", "header_", "header."]
    /// They name a request or the way that it came, never what is asked for.
    private static let useless = [
        "x-forwarded-", "x-real-ip", "x-request-id", "x-correlation-id", "x-trace", "x-b3-", "x-amzn-trace-id",
        "x-envoy-", "x-client-ip",
    ]

    /// The part of a member's name that is a field of the user's own; nil: it is none.
    static func place(_ bytes: [UInt8], _ member: Range<Int>) -> Range<Int>? {
        guard (3...64).contains(member.count) else { return nil }
        let prefix = prefixes.first { bytes.begins(with: $0, member) }
        let name = member.lowerBound + (prefix?.utf8CodeUnitCount ?? 0)..<member.upperBound
        guard name.count > 2, plain(bytes[name.lowerBound]) == UInt8(ascii: "x"),
            plain(bytes[name.lowerBound + 1]) == UInt8(ascii: "-")
        else { return nil }
        return name
    }

    /// The field's name as templates write it; nil when it says nothing of what is asked for.
    static func name(_ bytes: ArraySlice<UInt8>) -> String? {
        let name = String(decoding: bytes.map(plain), as: UTF8.self)
        return useless.contains { name.hasPrefix($0) } ? nil : name
    }

    static func isEqual(_ bytes: [UInt8], _ place: Range<Int>, _ name: [UInt8]) -> Bool {
        guard place.count == name.count else { return false }
        for (index, byte) in name.enumerated() where plain(bytes[place.lowerBound + index]) != byte { return false }
        return true
    }

    /// In lower case, with `-` for `_`.
    private static func plain(_ byte: UInt8) -> UInt8 {
        byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}
