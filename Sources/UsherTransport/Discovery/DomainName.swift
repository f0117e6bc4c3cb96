/// A name of the domain name system in the form it has on the wire, upper-case letters made lower-case.
///
/// Two names are equal when the domain name system takes them for the same (RFC 4343 §3).
package struct DomainName: Sendable, Hashable, CustomStringConvertible {
    /// With the length bytes and the final zero (RFC 1035 §2.3.4).
    package static let octetsMax = 255
    /// Unit: bytes of one label.
    static let labelMax = 63

    /// Labels, each behind its length, and the empty label of the root at the end.
    let wire: [UInt8]

    /// The name at the top, which as the target of an SRV record means "no such service" (RFC 2782).
    package static let root = DomainName(wire: [0])

    /// - Parameter wire: complete and checked by the caller.
    private init(wire: [UInt8]) {
        self.wire = wire
    }

    /// Takes host and service names: letters, digits, `-` and `_` in labels of at most 63 bytes; a final dot may stand.
    package init?(text: some StringProtocol) {
        var bytes = Array(text.utf8.prefix(Self.octetsMax + 1))
        if bytes.last == UInt8(ascii: "."), bytes.count > 1 { bytes.removeLast() }
        var wire: [UInt8] = []
        for label in bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard !label.isEmpty, label.count <= Self.labelMax, label.allSatisfy(Self.isNameByte) else { return nil }
            wire.append(UInt8(truncatingIfNeeded: label.count))
            wire.append(contentsOf: label.lazy.map(Self.lowercased))
        }
        wire.append(0)
        guard wire.count <= Self.octetsMax else { return nil }
        self.init(wire: wire)
    }

    /// The name that begins at the reader's place, which moves behind it.
    ///
    /// A compression pointer must lead to a place before the labels read so far (RFC 1035 §4.1.4), so that no chain of
    /// pointers comes back to itself.
    init(_ reader: inout DNSReader) throws(DNSMalformed) {
        var wire: [UInt8] = []
        var place = reader.index
        var start = place
        var jumps = 0
        var end: Int?
        while true {
            let length = try reader.byte(at: place)
            place += 1
            switch length >> 6 {
            case 0:
                wire.append(length)
                if length == 0 {
                    reader.index = end ?? place
                    self.init(wire: wire)
                    return
                }
                let label = try reader.bytes(at: place, count: Int(length))
                wire.append(contentsOf: label.lazy.map(Self.lowercased))
                place += label.count
                // The root's byte still follows.
                guard wire.count < Self.octetsMax else { throw .badName }
            case 3:
                let target = Int(length & 0x3F) << 8 | Int(try reader.byte(at: place))
                if end == nil { end = place + 1 }
                jumps += 1
                // A name of 255 bytes has at most 127 labels; more pointers than that carry none.
                guard target >= DNSMessage.headerLength, target < start, jumps <= 127 else { throw .badName }
                place = target
                start = target
            default:
                throw .badName
            }
        }
    }

    /// Without the final dot; bytes that no host name has are written as in zone files (RFC 1035 §5.1).
    package var description: String {
        var text = ""
        var index = 0
        while index < self.wire.count, self.wire[index] > 0 {
            let end = min(index + 1 + Int(self.wire[index]), self.wire.count)
            if index > 0 { text += "." }
            for byte in self.wire[(index + 1)..<end] {
                if Self.isNameByte(byte) {
                    text.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    let digits = String(byte)
                    text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
                }
            }
            index = end
        }
        return text.isEmpty ? "." : text
    }

    /// `name` below `suffix`, or nil when both together are too long.
    package func appending(_ suffix: DomainName) -> DomainName? {
        let wire = self.wire.dropLast() + suffix.wire
        return wire.count <= Self.octetsMax ? DomainName(wire: Array(wire)) : nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
