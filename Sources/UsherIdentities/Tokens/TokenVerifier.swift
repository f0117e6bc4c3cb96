internal import UsherCore

/// Decides whether a bearer token is to be believed (RFC 7519 §7.2, RFC 8725 §3).
///
/// The signature is checked first, so nothing is told about the claims of a token that somebody made up. A check takes
/// from ten microseconds (HS256) to a millisecond (ES512) for each key that is tried: it belongs on a pool of threads.
package final class TokenVerifier: Sendable {
    /// The longest subject. Unit: bytes before they are percent-encoded.
    package static let longestSubject = 256
    /// The largest leeway. Unit: seconds.
    package static let mostLeeway: Int64 = 86_400

    package let keys: TokenKeys
    private let algorithms: Set<TokenAlgorithm>
    private let rules: TokenRules
    private let leeway: Int64

    /// Refuses rules that no token could meet.
    package init(keys: TokenKeys, rules: TokenRules) throws(TokenKeyProblem) {
        self.keys = keys
        self.algorithms = rules.algorithms.map { $0.intersection(keys.algorithms) } ?? keys.algorithms
        self.rules = rules
        self.leeway = max(0, min(rules.leewaySeconds, Self.mostLeeway))
        guard self.algorithms.isEmpty else { return }
        let names = keys.algorithms.map(\.rawValue).sorted().joined(separator: ", ")
        throw TokenKeyProblem("has no key for any of the accepted algorithms; its keys are for \(names)")
    }

    /// - Parameters:
    ///   - token: What follows `Bearer ` and its spaces.
    ///   - now: Seconds since the Unix epoch.
    package func verify(_ token: [UInt8], unixSeconds now: Int64) -> Result<VerifiedToken, TokenFault> {
        Result { () throws(TokenFault) in
            let parts = try CompactToken(token)
            guard self.algorithms.contains(parts.algorithm) else { throw .unsupportedAlgorithm }
            try self.keys.check(parts)
            return try self.judge(try parts.payload(), now)
        }
    }

    private func judge(_ claims: JSONValue, _ now: Int64) throws(TokenFault) -> VerifiedToken {
        guard let expiresAt = try Self.date("exp", in: claims) else { throw .noExpiry }
        // "On or after" it (RFC 7519 §4.1.4).
        guard now < expiresAt + self.leeway else { throw .expired }
        if let start = try Self.date("nbf", in: claims), now < start - self.leeway { throw .notYetValid }
        if let issued = try Self.date("iat", in: claims), now < issued - self.leeway { throw .fromTheFuture }
        if let issuer = self.rules.issuer {
            guard claims["iss"]?.string?.isSame(as: issuer) == true else { throw .wrongIssuer }
        }
        if let audience = self.rules.audience {
            let named = try Self.audiences(in: claims)
            guard named.contains(where: { $0.isSame(as: audience) }) else { throw .wrongAudience }
        }
        guard let subject = claims["sub"]?.string, (1...Self.longestSubject).contains(subject.utf8.count) else {
            throw .noSubject
        }
        return VerifiedToken(
            subject: Self.printable(subject), expiresAt: expiresAt, claims: TokenClaims.flattened(claims))
    }

    /// A NumericDate in whole seconds; what is no number, or beyond the year 9999, makes the token malformed.
    ///
    /// A time in milliseconds is such a number too, and would otherwise make a token that never expires.
    private static func date(_ name: String, in claims: JSONValue) throws(TokenFault) -> Int64? {
        guard let value = claims[name] else { return nil }
        guard case .number(let text) = value, let seconds = Double(text), abs(seconds) <= 253_402_300_799 else {
            throw .malformed
        }
        return Int64(seconds.rounded(.down))
    }

    /// One string or several (RFC 7519 §4.1.3).
    private static func audiences(in claims: JSONValue) throws(TokenFault) -> [String] {
        switch claims["aud"] {
        case nil: return []
        case .string(let name): return [name]
        case .array(let values):
            let names = values.compactMap(\.string)
            guard names.count == values.count else { throw .malformed }
            return names
        default: throw .malformed
        }
    }

    /// See `VerifiedToken.subject`.
    static func printable(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            // A space at an end would be lost in a header field (RFC 9110 §5.5).
            let isLost = byte == 0x20 && (index == 0 || index == bytes.count - 1)
            if (0x20...0x7E).contains(byte), byte != UInt8(ascii: "%"), !isLost {
                result.append(byte)
            } else {
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
