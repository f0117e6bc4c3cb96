public import UsherCore

/// How requests of one user are recognised, so that they reach the same replica.
public enum SessionSettings: Sendable, Hashable {
    /// A signed cookie that Usher sets; the name is a token (RFC 6265 §4.1.1) of at most 128 bytes.
    ///
    /// `ttl` is how long a session may be silent. Range: 1 min...400 d. Default: 1 h.
    case cookie(name: String, ttl: Duration)
    /// The values of 1 to 16 templates together choose the replica; all of them empty: no session.
    ///
    /// `atMost` bounds a replica's load as a share of the average: above 100%, at most 1000%. Nil: not bounded.
    case hash([Template], atMost: Share?)
    /// A cookie or header that the application sets: one place, of `{cookie.…}` and `{header.…}` only.
    case follow(Template)

    /// How long a cookie's session may be silent when the file does not say.
    public static let ttlDefault = Duration.seconds(3600)
}
