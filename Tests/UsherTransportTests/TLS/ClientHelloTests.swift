import NIOCore
import NIOSSL
import Testing
import UsherCore
import UsherTestKit

@testable import UsherTransport

@Suite struct ClientHelloTests {
    // MARK: Real clients

    @Test("a real client's first message tells its host, its protocols and that it knows TLS 1.3")
    func real() throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["h2", "http/1.1"]
        let hello = try Self.complete(RecordedHello.bytes(name: "Shop.Example", configuration))
        #expect(hello.serverName == "shop.example")
        #expect(hello.applicationProtocols == ["h2", "http/1.1"])
        #expect(hello.offersTLS13 && hello.offersECDSASuite)
        #expect(hello.offersECDSAWithAES128 && hello.offersRSAWithAES128)
        #expect(hello.signatureAlgorithms.contains(0x0403) && hello.signatureAlgorithms.contains(0x0804))
    }

    @Test("one that speaks TLS 1.2 only and names nobody is told from it")
    func old() throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.maximumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = [.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
        let hello = try Self.complete(RecordedHello.bytes(name: nil, configuration))
        #expect(hello.serverName == nil && hello.applicationProtocols == nil)
        #expect(!hello.offersTLS13 && !hello.offersECDSASuite)
        #expect(!hello.offersECDSAWithAES128 && hello.offersRSAWithAES128)
    }

    @Test("cut anywhere it needs more, in records of any size it is the same, and what follows does not matter")
    func splits() throws {
        let record = try RecordedHello.bytes(name: "a.test")
        let whole = try Self.complete(record)
        for count in 0..<record.count {
            #expect(ClientHelloReader.read(ByteBuffer(bytes: record.prefix(count))) == .needsMore, "\(count) bytes")
        }
        #expect(try Self.complete(record + [22, 3, 3]) == whole)
        for size in [record.count / 2, record.count / 5, record.count / 14] {
            #expect(
                try Self.complete(Self.records(Array(record.dropFirst(5)), of: size)) == whole, "records of \(size)")
        }
    }

    @Test("it may come in a few records, not in any number of them")
    func manyRecords() throws {
        let message = Array(try RecordedHello.bytes(name: "a.test").dropFirst(5))
        guard case .malformed = ClientHelloReader.read(ByteBuffer(bytes: Self.records(message, of: 4))) else {
            Issue.record("\(message.count / 4) records were read")
            return
        }
    }

    // MARK: Made by hand

    @Test("names that no certificate could have are as good as none")
    func names() throws {
        for (name, expected) in [
            ("a.test", "a.test"), ("A.TEST.", "a.test"), ("xn--bcher-kva.test", "xn--bcher-kva.test"), ("", nil),
            ("a b", nil), ("a\nb", nil), ("a\0b", nil), ("ä.test", nil), (String(repeating: "a", count: 254), nil),
        ] {
            #expect(try Self.complete(Self.hello([Self.serverName(name)])).serverName == expected, "\(name)")
        }
        let other = Self.extension(0, Self.vector16([1] + Self.vector16(Array("a.test".utf8))))
        #expect(try Self.complete(Self.hello([other])).serverName == nil)
    }

    @Test("what is not a ClientHello is told apart: other protocols, broken messages, messages that are too long")
    func refused() {
        for text in ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\n", "SSH-2.0-x\r\n", "\0", "\u{80}"] {
            #expect(ClientHelloReader.read(ByteBuffer(string: text)) == .plaintext, "\(text)")
        }
        let broken: [[UInt8]] = [
            [22, 2], [22, 3, 1, 0, 0], [22, 3, 1, 0x40, 1], [22, 3, 1, 0, 4, 2], [22, 3, 1, 0, 4, 1, 0, 0x40, 1],
            Self.hello([Self.extension(0, [0])]), Self.hello([Self.extension(13, [0, 3, 4])]),
            Self.hello([Self.extension(16, [0, 1, 0])]), Self.hello([Self.extension(43, [1, 3])]),
            Self.hello([Self.serverName("a"), Self.serverName("b")]), Self.record(1, [UInt8](repeating: 0, count: 20)),
            Self.hello([[0, 9]]),
        ]
        for bytes in broken {
            guard case .malformed = ClientHelloReader.read(ByteBuffer(bytes: bytes)) else {
                Issue.record("\(bytes) was read")
                continue
            }
        }
        // Extensions may be missing altogether.
        #expect(ClientHelloReader.read(ByteBuffer(bytes: Self.hello([]))) == .complete(ClientHello()))
    }

    @Test("no bytes break the reader, and what it reads is never a name with anything but a name's bytes")
    func fuzz() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let record = try RecordedHello.bytes(name: "a.test")
        for _ in 0..<20_000 {
            var bytes = record
            for _ in 0..<Int(random.next() % 8) + 1 {
                let place = Int(random.next() % UInt64(bytes.count))
                bytes[place] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.next() % 4 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
            if case .complete(let hello) = ClientHelloReader.read(ByteBuffer(bytes: bytes)) {
                #expect(hello.serverName?.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ?? true, "seed \(seed)")
            }
        }
    }

    // MARK: Helpers

    private static func complete(_ bytes: [UInt8]) throws -> ClientHello {
        let progress = ClientHelloReader.read(ByteBuffer(bytes: bytes))
        guard case .complete(let hello) = progress else {
            Issue.record("\(progress)")
            return ClientHello()
        }
        return hello
    }

    private static func records(_ message: [UInt8], of size: Int) -> [UInt8] {
        stride(from: 0, to: message.count, by: size).flatMap { start in
            Self.tls(Array(message[start..<min(start + size, message.count)]))
        }
    }

    private static func tls(_ fragment: [UInt8]) -> [UInt8] { [22, 3, 1] + self.vector16(fragment) }

    /// A handshake message in a record of its own.
    private static func record(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        self.tls([type, 0] + self.vector16(body))
    }

    private static func hello(_ extensions: [[UInt8]]) -> [UInt8] {
        let front: [UInt8] = [3, 3] + [UInt8](repeating: 7, count: 32) + [0] + self.vector16([0x13, 1]) + [1, 0]
        return self.record(1, front + (extensions.isEmpty ? [] : self.vector16(extensions.flatMap { $0 })))
    }

    private static func serverName(_ name: String) -> [UInt8] {
        self.extension(0, self.vector16([0] + self.vector16(Array(name.utf8))))
    }

    private static func `extension`(_ type: UInt16, _ content: [UInt8]) -> [UInt8] {
        [UInt8(type >> 8), UInt8(type & 0xFF)] + self.vector16(content)
    }

    private static func vector16(_ content: [UInt8]) -> [UInt8] {
        [UInt8(content.count >> 8), UInt8(content.count & 0xFF)] + content
    }
}
