import UsherTransport

/// The bytes of answers, true ones and such as no server should send.
enum DNSWire {
    static func number(_ value: Int) -> [UInt8] {
        [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
    }

    /// Labels with their lengths, uncompressed.
    static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    /// A compression pointer; 12 is where the question's name stands.
    static func pointer(to place: Int = 12) -> [UInt8] { number(0xC000 | place) }

    static func record(
        type: Int, ttl: Int = 60, recordClass: Int = 1, _ data: [UInt8], of owner: [UInt8] = pointer()
    ) -> [UInt8] {
        owner + number(type) + number(recordClass) + number(ttl >> 16) + number(ttl) + number(data.count) + data
    }

    static func a(_ address: [UInt8], of owner: [UInt8] = pointer(), ttl: Int = 60) -> [UInt8] {
        record(type: 1, ttl: ttl, address, of: owner)
    }

    /// fd00:: with this last byte.
    static func aaaa(_ last: UInt8, of owner: [UInt8] = pointer(), ttl: Int = 60) -> [UInt8] {
        record(type: 28, ttl: ttl, [0xFD] + [UInt8](repeating: 0, count: 14) + [last], of: owner)
    }

    static func alias(to name: [UInt8], of owner: [UInt8] = pointer(), ttl: Int = 60) -> [UInt8] {
        record(type: 5, ttl: ttl, name, of: owner)
    }

    static func srv(
        priority: Int = 0, weight: Int = 1, port: Int, _ target: String, of owner: [UInt8] = pointer(), ttl: Int = 60
    ) -> [UInt8] {
        record(
            type: 33, ttl: ttl, number(priority) + number(weight) + number(port) + name(target), of: owner)
    }

    /// An answer of a server that recurses.
    ///
    /// - Parameters:
    ///   - flags: default: QR, RD, RA.
    ///   - counts: what the header tells of the three sections; nil: the truth.
    static func answer(
        identifier: Int = 0x1234, flags: Int = 0x8180, name: String, type: Int, _ answers: [[UInt8]] = [],
        authority: [[UInt8]] = [], additional: [[UInt8]] = [], counts: [Int]? = nil
    ) -> [UInt8] {
        let counts = counts ?? [answers.count, authority.count, additional.count]
        let header = [identifier, flags, 1] + counts
        return header.flatMap(number) + self.name(name) + number(type) + number(1)
            + (answers + authority + additional).flatMap { $0 }
    }

    static func bytes(hexadecimal text: String) -> [UInt8] {
        let digits = Array(text.utf8).map { UInt8(truncatingIfNeeded: $0 < 58 ? $0 - 48 : $0 - 87) }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

/// Answers that dnsmasq 2.90 gave, with identifier 0x1234.
enum RealAnswer {
    static let alias = DNSWire.bytes(
        hexadecimal: "12348580000100030000000105616c69617308696e7465726e616c0000010001c00c0005000100000007000f04636172"
            + "7408696e7465726e616c00c02c000100010000000700047f000101c02c000100010000000700047f00010200002904d000000000"
            + "0000")
    static let service = DNSWire.bytes(
        hexadecimal: "123485800001000200000004055f68747470045f746370046361727408696e7465726e616c0000210001c00c00210001"
            + "0000000700170014000023290162046361727408696e7465726e616c00c00c00210001000000070017000a000523280161046361"
            + "727408696e7465726e616c00c05f000100010000000700047f000101c05f001c0001000000070010fd0000000000000000000000"
            + "00000001c03c000100010000000700047f00010200002904d0000000000000")
    static let ipv6 = DNSWire.bytes(
        hexadecimal: "123485800001000100000001046361727408696e7465726e616c00001c0001c00c001c0001000000070010fd00000000"
            + "000000000000000000000100002904d0000000000000")
    static let noSuchName = DNSWire.bytes(
        hexadecimal: "123481830001000000000001066e6f626f647908696e7465726e616c000001000100002904d0000000000000")
    static let noRecords = DNSWire.bytes(
        hexadecimal: "1234818000010000000000010162046361727408696e7465726e616c00001c000100002904d0000000000000")
    static let refused = DNSWire.bytes(
        hexadecimal: "123481850001000000000001066e6f626f6479076578616d706c65000001000100002904d0000000000006000f000200"
            + "0e")

    /// Each with the question it answers.
    static let all: [(bytes: [UInt8], name: String, type: DNSRecordType)] = [
        (alias, "alias.internal", .a), (service, "_http._tcp.cart.internal", .srv), (ipv6, "cart.internal", .aaaa),
        (noSuchName, "nobody.internal", .a), (noRecords, "b.cart.internal", .aaaa), (refused, "nobody.example", .a),
    ]
}
