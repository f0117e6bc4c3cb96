/// Why a token is not believed.
package enum TokenFault: Error, Sendable, Hashable, CaseIterable {
    case tooLong
    case malformed
    case unsupportedAlgorithm
    /// The header asks for an extension that must be understood (RFC 7515 §4.1.11).
    case criticalExtension
    case unknownKey
    case badSignature
    case noExpiry
    case expired
    case notYetValid
    case fromTheFuture
    case wrongIssuer
    case wrongAudience
    case noSubject

    /// For `WWW-Authenticate: Bearer error="invalid_token", error_description="…"` (RFC 6750 §3): no quotes in it,
    /// nothing of the token and nothing of what would be accepted.
    package var sentence: StaticString {
        switch self {
        case .tooLong: "the token is longer than 8 KiB"
        case .malformed: "the token is malformed"
        case .unsupportedAlgorithm: "the token is signed with an algorithm that is not accepted"
        case .criticalExtension: "the token needs an extension that is not supported"
        case .unknownKey: "the token is signed with an unknown key"
        case .badSignature: "the signature of the token is wrong"
        case .noExpiry: "the token has no expiry"
        case .expired: "the token has expired"
        case .notYetValid: "the token is not valid yet"
        case .fromTheFuture: "the token was issued in the future"
        case .wrongIssuer: "the token is from another issuer"
        case .wrongAudience: "the token is for another audience"
        case .noSubject: "the token names no subject of 1 to 256 bytes"
        }
    }
}
