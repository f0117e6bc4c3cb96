internal import UsherCore

/// Reads clients' addresses, of which most come again and again.
struct ClientReader {
    /// Texts and addresses by the text's hash; the last one to come takes the place.
    private var known: [(text: UInt64, address: IPAddress?)] = Array(repeating: (0, nil), count: 1024)

    /// `192.0.2.1`, `2001:db8::1`, and both with a port (`192.0.2.1:443`, `[2001:db8::1]:443`); of a list the first.
    mutating func read(_ bytes: [UInt8], _ place: Range<Int>) -> IPAddress? {
        if let address = Self.quad(bytes, place) { return address }
        guard (2...64).contains(place.count) else { return nil }
        let hash = FieldHash.of(bytes, place)
        let slot = Int(truncatingIfNeeded: hash % 1024)
        if known[slot].text != hash {
            known[slot] = (hash, Self.slow(String(decoding: bytes[place], as: UTF8.self)))
        }
        return known[slot].address
    }

    /// IPv4, which most are, without a String.
    @inline(__always)
    private static func quad(_ bytes: [UInt8], _ place: Range<Int>) -> IPAddress? {
        var number: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        var parts = 0
        var index = place.lowerBound
        while index < place.upperBound, index - place.lowerBound < 16 {
            let byte = bytes[index]
            if byte &- 0x30 <= 9 {
                part = part &* 10 &+ UInt32(byte &- 0x30)
                digits += 1
                guard digits <= 3, part < 256 else { return nil }
            } else if byte == UInt8(ascii: "."), digits > 0, parts < 3 {
                number = number << 8 | part
                (part, digits) = (0, 0)
                parts += 1
            } else {
                // A port or a second address may follow.
                guard byte == UInt8(ascii: ":") || byte == UInt8(ascii: ",") else { return nil }
                break
            }
            index += 1
        }
        guard parts == 3, digits > 0 else { return nil }
        return IPAddress(v4: number << 8 | part)
    }

    private static func slow(_ text: String) -> IPAddress? {
        var text = text.prefix { $0 != "," && $0 != " " && $0 != "%" }
        if text.hasPrefix("[") { text = text.dropFirst().prefix { $0 != "]" } }
        return IPAddress(text: text)
    }
}

extension IPAddress {
    /// Of a network that nobody on the internet comes from: the client is a proxy then, rather than a user.
    var isInside: Bool {
        guard let number = v4 else { return isLoopback || high >> 57 == 0x7E }
        return isLoopback || number >> 24 == 10 || number >> 20 == 0xAC1 || number >> 16 == 0xC0A8
    }
}
