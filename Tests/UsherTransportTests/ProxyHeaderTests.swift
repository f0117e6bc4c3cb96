import NIOCore
import Testing
import UsherCore
import UsherTransport

@Suite("PROXY headers")
struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

    /// A header of version 2.
    private static func binary(_ command: UInt8, _ family: UInt8, _ block: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? block.count
        return self.signature + [command, family, UInt8(length >> 8), UInt8(length & 255)] + block
    }

    private static let v4Block: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 9, 0xDC, 0x04, 0x01, 0xBB]
    private static let v6Block: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + .init(repeating: 0, count: 11) + [1] + [0x20, 0x01, 0x0D, 0xB8]
        + .init(repeating: 0, count: 11) + [2, 0, 80, 1, 187]

    private static func proxied(_ source: String, _ destination: String) -> ProxyHeader {
        .proxied(source: IPAddress(text: source), destination: IPAddress(text: destination))
    }

    static let good: [(bytes: [UInt8], header: ProxyHeader)] = [
        (Array("PROXY TCP4 192.0.2.1 198.51.100.9 56324 443\r\n".utf8), proxied("192.0.2.1", "198.51.100.9")),
        (Array("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n".utf8), proxied("0.0.0.0", "255.255.255.255")),
        (Array("PROXY TCP6 2001:db8::1 ::1 1 2\r\n".utf8), proxied("2001:db8::1", "::1")),
        (
            Array(
                ("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
                    + " 65535 65535\r\n").utf8),
            proxied("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
        ),
        (Array("PROXY UNKNOWN\r\n".utf8), .local),
        (Array("PROXY UNKNOWN ffff::1 whatever 65535 x y z\r\n".utf8), .local),
        (binary(0x21, 0x11, v4Block), proxied("192.0.2.1", "198.51.100.9")),
        (binary(0x21, 0x12, v4Block), proxied("192.0.2.1", "198.51.100.9")),
        (binary(0x21, 0x21, v6Block), proxied("2001:db8::1", "2001:db8::2")),
        (
            binary(0x21, 0x11, v4Block + [0x20, 0, 2, 9, 9] + .init(repeating: 7, count: 300)),
            proxied("192.0.2.1", "198.51.100.9")
        ),
        (binary(0x21, 0x31, .init(repeating: 0, count: 216)), .proxied(source: nil, destination: nil)),
        (binary(0x21, 0x00, []), .local),
        (binary(0x21, 0x00, [1, 2, 3]), .local),
        (binary(0x20, 0x00, []), .local),
        (binary(0x20, 0x11, v4Block), .local),
        (binary(0x20, 0xFF, [1]), .local),
        (binary(0x21, 0x11, v4Block + .init(repeating: 0, count: 4068)), proxied("192.0.2.1", "198.51.100.9")),
    ]

    @Test("every cutting of a header reads the same, and what follows stays", arguments: good.indices)
    func cuttings(index: Int) {
        let (bytes, header) = Self.good[index]
        let rest = Array("GET / HTTP/1.1".utf8)
        // Every place in short headers, every 97th in long ones.
        for cut in stride(from: 0, through: bytes.count, by: bytes.count > 400 ? 97 : 1) {
            var reader = ProxyHeaderReader()
            var input = ByteBuffer(bytes: bytes[..<cut])
            if cut < bytes.count {
                #expect(reader.take(&input) == .needsMore)
                #expect(input.readableBytes == 0)
            }
            input.writeBytes(bytes[cut...])
            input.writeBytes(rest)
            #expect(reader.take(&input) == .complete(header), "cut at \(cut)")
            #expect(Array(input.readableBytesView) == rest)
        }
        var reader = ProxyHeaderReader()
        for byte in bytes.dropLast() {
            var input = ByteBuffer(bytes: [byte])
            #expect(reader.take(&input) == .needsMore)
        }
        var last = ByteBuffer(bytes: bytes.suffix(1))
        #expect(reader.take(&last) == .complete(header))
    }

    static let bad: [[UInt8]] = [
        Array("GET / HTTP/1.1\r\n\r\n".utf8), Array("proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n".utf8), Array("P\n".utf8),
        Array("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n".utf8), Array("PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n".utf8),
        Array("PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n".utf8), Array("PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n".utf8),
        Array("PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n".utf8), Array("PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n".utf8),
        Array("PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n".utf8), Array("PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n".utf8),
        Array("PROXY TCP4 1.1.1.01 1.1.1.1 1 1\r\n".utf8), Array("PROXY TCP4 1.1.1.1 a 1 1\r\n".utf8),
        Array("PROXY TCP4 ::1 ::1 1 1\r\n".utf8), Array("PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n".utf8),
        Array("PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n".utf8), Array("PROXY UNKNOWNX\r\n".utf8), Array("PROXY \r\n".utf8),
        Array("PROXY TCP4\t1.1.1.1 1.1.1.1 1 1\r\n".utf8), Array("PROXY UNKNOWN a\rb\r\n".utf8),
        Array("PROXY UNKNOWN \(String(repeating: "x", count: 92))\r\n".utf8), Array("PROXY TCP4 -1 1 1 1\r\n".utf8),
        binary(0x11, 0x11, v4Block), binary(0x31, 0x11, v4Block), binary(0x22, 0x11, v4Block), binary(0x2F, 0, []),
        binary(0x21, 0x41, v4Block), binary(0x21, 0x13, v4Block), binary(0x21, 0x11, Array(v4Block.dropLast())),
        binary(0x21, 0x21, v4Block), binary(0x21, 0x31, v6Block), binary(0x21, 0x11, v4Block, length: 4081),
        binary(0x21, 0x11, v4Block, length: 65535), [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 11],
        [0x16, 3, 1],
    ]

    @Test("what is no header is refused, whole or drop by drop", arguments: bad.indices)
    func refused(index: Int) {
        let bytes = Self.bad[index]
        var reader = ProxyHeaderReader()
        var input = ByteBuffer(bytes: bytes)
        #expect(reader.take(&input) == .malformed)
        #expect(reader.take(&input) == .malformed)
        var drip = ProxyHeaderReader()
        var reading = ProxyHeader.Reading.needsMore
        for byte in bytes where reading == .needsMore {
            var input = ByteBuffer(bytes: [byte])
            reading = drip.take(&input)
        }
        #expect(reading == .malformed)
    }

    @Test("a line is refused at its 107th byte, not later")
    func lineBound() {
        var longest = Array("PROXY UNKNOWN ".utf8) + .init(repeating: 0x78, count: 107 - 16) + [13, 10]
        var reader = ProxyHeaderReader()
        var input = ByteBuffer(bytes: longest)
        #expect(reader.take(&input) == .complete(.local))
        longest.insert(0x78, at: 20)
        reader = ProxyHeaderReader()
        input = ByteBuffer(bytes: longest[..<106])
        #expect(reader.take(&input) == .needsMore)
        input.writeBytes(longest[106...])
        #expect(reader.take(&input) == .malformed)
    }

    @Test("a changed byte never makes it crash, and cuttings agree", arguments: [11, 12, 13, 14] as [UInt64])
    func fuzz(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let corpus = Self.good.map(\.bytes) + Self.bad
        for _ in 0..<3000 {
            var bytes = corpus[random.below(corpus.count)]
            for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            var whole = ProxyHeaderReader()
            var input = ByteBuffer(bytes: bytes)
            let expected = whole.take(&input)
            let cut = random.below(bytes.count)
            var parts = ProxyHeaderReader()
            var first = ByteBuffer(bytes: bytes[..<cut])
            var reading = parts.take(&first)
            if reading == .needsMore {
                var second = ByteBuffer(bytes: bytes[cut...])
                reading = parts.take(&second)
            }
            #expect(reading == expected, "seed \(seed): \(bytes) cut at \(cut)")
        }
    }
}
