package import NIOCore

/// What a client says first in a TLS handshake, as far as the choice of a certificate depends on it (RFC 8446 §4.1.2).
package struct ClientHello: Sendable, Hashable {
    /// The host that it wants (RFC 6066 §3), in lower case and without a final point. Nil: it names none.
    package var serverName: String?
    /// It offers TLS 1.3, where any signature goes with any cipher suite.
    package var offersTLS13 = false
    /// It offers a cipher suite of TLS 1.2 that signs with ECDSA.
    package var offersECDSASuite = false
    /// It offers AES-128-GCM in TLS 1.2, with signatures of ECDSA and of RSA.
    package var offersECDSAWithAES128 = false
    package var offersRSAWithAES128 = false
    /// `signature_algorithms`, as they are numbered there.
    package var signatureAlgorithms: [UInt16] = []
    /// The protocols that it would speak (RFC 7301 §3.1). Nil: it does not say.
    package var applicationProtocols: [String]?

    package init() {}
}

/// What the first bytes of a connection are.
package enum ClientHelloProgress: Sendable, Hashable {
    /// The message is not complete; all bytes are needed again.
    case needsMore
    case complete(ClientHello)
    /// Not TLS at all.
    case plaintext
    case malformed(String)
}

/// Reads the first message of a TLS handshake off the front of a connection, taking nothing away.
package enum ClientHelloReader {
    /// The longest message that is read, and the most records that it may come in. A key share of a few kilobytes, a
    /// resumption ticket and a hundred extensions fit in.
    static let longest = 16_384
    static let mostRecords = 16
    /// A record's head: its type, a version and a length; the most that one may carry in the clear (RFC 8446 §5.1).
    private static let recordHead = 5
    private static let largestRecord: UInt16 = 16_384
    /// `ContentType` and `HandshakeType` (RFC 8446 §B.3).
    private static let handshake: UInt8 = 22
    private static let clientHello: UInt8 = 1

    /// - Parameter input: all that came on the connection so far.
    package static func read(_ input: ByteBuffer) -> ClientHelloProgress {
        var records = input
        var message = ByteBuffer()
        var recordCount = 0
        while true {
            guard let type = records.getInteger(at: records.readerIndex, as: UInt8.self) else { return .needsMore }
            guard type == Self.handshake else {
                return recordCount == 0 ? .plaintext : .malformed("another record inside the first message")
            }
            guard let major = records.getInteger(at: records.readerIndex + 1, as: UInt8.self) else { return .needsMore }
            guard major == 3 else { return .malformed("not a version of TLS") }
            guard let length = records.getInteger(at: records.readerIndex + 3, as: UInt16.self) else {
                return .needsMore
            }
            recordCount += 1
            guard length > 0, length <= Self.largestRecord, recordCount <= Self.mostRecords else {
                return .malformed("a record of a length that is not allowed")
            }
            let isWhole = records.readableBytes >= Self.recordHead + Int(length)
            records.moveReaderIndex(forwardBy: min(Self.recordHead, records.readableBytes))
            guard var fragment = records.readSlice(length: min(Int(length), records.readableBytes)) else {
                return .needsMore
            }
            if message.readableBytes == 0 { message = fragment } else { message.writeBuffer(&fragment) }
            if let progress = Self.look(at: message) { return progress }
            if !isWhole { return .needsMore }
        }
    }

    /// Nil when the message is not whole.
    private static func look(at message: ByteBuffer) -> ClientHelloProgress? {
        var message = message
        guard let type = message.readInteger(as: UInt8.self) else { return nil }
        guard type == Self.clientHello else { return .malformed("the first message is no ClientHello") }
        guard let high = message.readInteger(as: UInt8.self), let low = message.readInteger(as: UInt16.self) else {
            return nil
        }
        let length = Int(high) << 16 | Int(low)
        guard length <= Self.longest else { return .malformed("a ClientHello of more than 16 KiB") }
        guard var body = message.readSlice(length: length) else { return nil }
        guard let hello = Self.hello(&body) else { return .malformed("a ClientHello that cannot be read") }
        return .complete(hello)
    }

    private static func hello(_ body: inout ByteBuffer) -> ClientHello? {
        var hello = ClientHello()
        // legacy_version and random
        guard body.readSlice(length: 34) != nil, body.readVector8() != nil, var suites = body.readVector16(),
            body.readVector8() != nil
        else { return nil }
        while let suite = suites.readInteger(as: UInt16.self) {
            if ecdsaSuites.contains(suite) { hello.offersECDSASuite = true }
            if suite == 0xC02B { hello.offersECDSAWithAES128 = true }
            if suite == 0xC02F { hello.offersRSAWithAES128 = true }
        }
        // TLS 1.2 may leave extensions out altogether.
        guard body.readableBytes > 0 else { return hello }
        guard var extensions = body.readVector16(), body.readableBytes == 0 else { return nil }
        // Of those that are read here none may come twice; of the others TLS itself finds out.
        var seen: UInt64 = 0
        while extensions.readableBytes > 0 {
            guard let type = extensions.readInteger(as: UInt16.self), var content = extensions.readVector16() else {
                return nil
            }
            guard type < 64 else { continue }
            guard seen & 1 << type == 0, hello.take(type, &content) else { return nil }
            seen |= 1 << type
        }
        return hello
    }

    /// ECDHE_ECDSA with AES-GCM or ChaCha20 (RFC 5289, RFC 7905): those that we would choose.
    private static let ecdsaSuites: Set<UInt16> = [0xC02B, 0xC02C, 0xCCA9]
}

extension ClientHello {
    /// `ExtensionType` (RFC 8446 §4.2), of which only these say something about the certificate or the protocol.
    private enum Extension {
        static let serverName: UInt16 = 0
        static let signatureAlgorithms: UInt16 = 13
        static let applicationProtocols: UInt16 = 16
        static let supportedVersions: UInt16 = 43
    }

    private static let tls13: UInt16 = 0x0304

    /// Takes one extension into account; false when it cannot be read.
    fileprivate mutating func take(_ type: UInt16, _ content: inout ByteBuffer) -> Bool {
        switch type {
        case Extension.serverName:
            return self.takeServerName(&content)
        case Extension.signatureAlgorithms:
            guard var list = content.readVector16() else { return false }
            self.signatureAlgorithms.reserveCapacity(list.readableBytes / 2)
            while let algorithm = list.readInteger(as: UInt16.self) { self.signatureAlgorithms.append(algorithm) }
            return list.readableBytes == 0
        case Extension.applicationProtocols:
            return self.takeProtocols(&content)
        case Extension.supportedVersions:
            guard var versions = content.readVector8() else { return false }
            while let version = versions.readInteger(as: UInt16.self) {
                if version == Self.tls13 { self.offersTLS13 = true }
            }
            return versions.readableBytes == 0
        default:
            return true
        }
    }

    private mutating func takeServerName(_ content: inout ByteBuffer) -> Bool {
        guard var list = content.readVector16() else { return false }
        while list.readableBytes > 0 {
            guard let type = list.readInteger(as: UInt8.self), let name = list.readVector16() else { return false }
            guard type == 0, self.serverName == nil else { continue }
            self.serverName = Self.hostName(name.readableBytesView)
        }
        return true
    }

    /// A name that a certificate could have; anything else is as good as none.
    private static func hostName(_ bytes: ByteBufferView) -> String? {
        var name = String(decoding: bytes, as: UTF8.self).lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        let isName = name.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
        }
        return isName && (1...253).contains(name.utf8.count) ? name : nil
    }

    private mutating func takeProtocols(_ content: inout ByteBuffer) -> Bool {
        guard var list = content.readVector16() else { return false }
        var names: [String] = []
        while list.readableBytes > 0 {
            guard let name = list.readVector8(), name.readableBytes > 0 else { return false }
            names.append(String(buffer: name))
        }
        self.applicationProtocols = names
        return true
    }
}

extension ByteBuffer {
    /// A vector of TLS's presentation language: its length in one byte, then that many (RFC 8446 §3.4).
    fileprivate mutating func readVector8() -> ByteBuffer? {
        self.readLengthPrefixedSlice(as: UInt8.self)
    }

    fileprivate mutating func readVector16() -> ByteBuffer? {
        self.readLengthPrefixedSlice(as: UInt16.self)
    }
}
