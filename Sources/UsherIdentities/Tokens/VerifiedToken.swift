/// What a token that was verified says.
package struct VerifiedToken: Sendable, Hashable {
    /// `sub` in printable ASCII, for a header field or a log line: other bytes, `%`, and spaces at either end are
    /// percent-encoded (RFC 3986 §2.1), so two subjects never become the same text. 1 to 768 bytes.
    package let subject: String
    /// When it is not to be believed any more, without any leeway. Unit: seconds since the Unix epoch.
    package let expiresAt: Int64
    /// Claims as text; see `TokenClaims`. Whoever writes one into a header field looks at its characters first.
    package let claims: [String: String]
}
