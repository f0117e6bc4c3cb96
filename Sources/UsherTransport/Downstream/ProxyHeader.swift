package import NIOCore
package import UsherCore

/// What a PROXY header says: whose connection a proxy passes on (the PROXY protocol, versions 1 and 2).
package enum ProxyHeader: Sendable, Hashable {
    /// The proxy speaks for itself, or does not know: the connection's own addresses hold.
    case local
    /// Addresses of the proxied connection; nil for unix sockets.
    case proxied(source: IPAddress?, destination: IPAddress?)

    package enum Reading: Sendable, Hashable {
        case needsMore
        /// What follows the header was left in the input.
        case complete(ProxyHeader)
        case malformed
    }

    /// A header of version 1 with its CR LF, in bytes.
    static let longestText = 107
    /// A header of version 2 with its signature, in bytes; the protocol allows 65,551, and nobody sends that.
    static let longestBinary = 4096
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    static let textBeginning = Array("PROXY ".utf8)
}

/// Reads one PROXY header, from any cutting of the input with the same result.
package struct ProxyHeaderReader: Sendable {
    /// What was taken off the input so far: at most a header.
    private var bytes: [UInt8] = []
    private var outcome: ProxyHeader.Reading?

    package init() {}

    /// Takes the header's bytes off the input, as many as there are.
    package mutating func take(_ input: inout ByteBuffer) -> ProxyHeader.Reading {
        if let outcome = self.outcome { return outcome }
        while let byte = input.readInteger(as: UInt8.self) {
            self.bytes.append(byte)
            let reading = self.step(byte)
            guard reading == .needsMore else {
                self.outcome = reading
                self.bytes = []
                return reading
            }
        }
        return .needsMore
    }

    /// Judges what is there after one more byte: the first wrong one ends the reading.
    private func step(_ byte: UInt8) -> ProxyHeader.Reading {
        let count = self.bytes.count
        if self.bytes[0] == ProxyHeader.textBeginning[0] {
            if count <= ProxyHeader.textBeginning.count {
                return byte == ProxyHeader.textBeginning[count - 1] ? .needsMore : .malformed
            }
            if byte == 0x0A { return Self.text(self.bytes) }
            return count < ProxyHeader.longestText ? .needsMore : .malformed
        }
        if count <= ProxyHeader.signature.count {
            return byte == ProxyHeader.signature[count - 1] ? .needsMore : .malformed
        }
        // Version and command, family and transport, two bytes of length.
        if count == 13 { return byte == 0x20 || byte == 0x21 ? .needsMore : .malformed }
        guard count >= 16 else { return .needsMore }
        let length = Int(self.bytes[14]) << 8 | Int(self.bytes[15])
        guard length <= ProxyHeader.longestBinary - 16 else { return .malformed }
        return count == 16 + length ? Self.binary(self.bytes) : .needsMore
    }

    // MARK: Version 1

    /// `PROXY TCP4 192.0.2.1 192.0.2.9 56324 443`, single spaces between, or `PROXY UNKNOWN` and whatever follows.
    private static func text(_ bytes: [UInt8]) -> ProxyHeader.Reading {
        guard bytes.count >= 2, bytes[bytes.count - 2] == 0x0D, !bytes.dropLast(2).contains(0x0D) else {
            return .malformed
        }
        let line = String(decoding: bytes.dropLast(2), as: UTF8.self)
        let words = line.split(separator: " ", maxSplits: 6, omittingEmptySubsequences: false)
        if words.count >= 2, words[1] == "UNKNOWN" { return .complete(.local) }
        guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6",
            let source = Self.address(words[2], isV6: words[1] == "TCP6"),
            let destination = Self.address(words[3], isV6: words[1] == "TCP6"),
            Self.isPort(words[4]), Self.isPort(words[5])
        else { return .malformed }
        return .complete(.proxied(source: source, destination: destination))
    }

    private static func address(_ text: Substring, isV6: Bool) -> IPAddress? {
        text.utf8.contains(UInt8(ascii: ":")) == isV6 ? IPAddress(text: text) : nil
    }

    /// 0 to 65535 without leading zeros.
    private static func isPort(_ text: Substring) -> Bool {
        guard (1...5).contains(text.utf8.count), text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0"),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return false }
        return UInt16(text) != nil
    }

    // MARK: Version 2

    /// Addresses lie behind the length, source first; what follows them (ports, TLVs) is skipped.
    private static func binary(_ bytes: [UInt8]) -> ProxyHeader.Reading {
        // LOCAL: a proxy's own connection may carry any family and addresses, and they mean nothing.
        if bytes[12] == 0x20 { return .complete(.local) }
        let family = bytes[13] >> 4
        let transport = bytes[13] & 0x0F
        guard family <= 3, transport <= 2 else { return .malformed }
        let length = bytes.count - 16
        switch family {
        case 1:
            guard length >= 12 else { return .malformed }
            return Self.proxied(bytes[16..<20], bytes[20..<24])
        case 2:
            guard length >= 36 else { return .malformed }
            return Self.proxied(bytes[16..<32], bytes[32..<48])
        case 3:
            return length >= 216 ? .complete(.proxied(source: nil, destination: nil)) : .malformed
        default:
            return .complete(.local)
        }
    }

    private static func proxied(_ source: ArraySlice<UInt8>, _ destination: ArraySlice<UInt8>) -> ProxyHeader.Reading {
        guard let source = IPAddress(networkBytes: source), let destination = IPAddress(networkBytes: destination)
        else { return .malformed }
        return .complete(.proxied(source: source, destination: destination))
    }
}
