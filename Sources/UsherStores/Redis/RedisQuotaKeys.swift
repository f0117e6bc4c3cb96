internal import NIOCore
internal import UsherCore

/// The keys of one class of callers of one quota: `usher:quota:{NAME}:CLASS:CALLER`, with the caller's bytes as they
/// are.
///
/// The braces make the name what a cluster chooses the slot by; no caller's bytes can.
package struct RedisQuotaKeys: Sendable, Hashable {
    /// Longer callers are replaced by a hash. Unit: bytes.
    package static let callerMaximum = 256

    private let prefix: [UInt8]

    /// - Parameters:
    ///   - quota: its name in the configuration.
    ///   - callerClass: the class's.
    package init(quota: String, callerClass: String) {
        self.prefix = Array("usher:quota:{\(quota)}:\(callerClass)".utf8)
    }

    /// One key, as a word of a command.
    func write(_ caller: Span<UInt8>, to out: inout ByteBuffer) {
        guard caller.count <= Self.callerMaximum else { return self.write(hashOf: caller, to: &out) }
        out.writeWordStart(count: self.prefix.count + 1 + caller.count)
        out.writeBytes(self.prefix.span.bytes)
        out.writeInteger(UInt8(ascii: ":"))
        out.writeBytes(caller.bytes)
        out.writeStaticString("\r\n")
    }

    /// `usher:quota:{NAME}:CLASS#HASH`: another mark, so that nobody can be called what somebody else's hash is.
    ///
    /// SipHash-2-4 with 128 bits under the key 0, 0, which is no secret: all gateways must find the same key. Its words
    /// are written as 16 hexadecimal digits each.
    private func write(hashOf caller: Span<UInt8>, to out: inout ByteBuffer) {
        var hash = SipHash(key: (0, 0), isWide: true)
        hash.append(caller)
        let words = hash.finishWide()
        out.writeWordStart(count: self.prefix.count + 1 + 32)
        out.writeBytes(self.prefix.span.bytes)
        out.writeInteger(UInt8(ascii: "#"))
        for word in [words.0, words.1] {
            for shift in stride(from: UInt64(60), through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: word >> shift & 0xF)
                out.writeInteger(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
        out.writeStaticString("\r\n")
    }
}
