package import UsherCore

/// What a token must be beside signed, as the configuration says it.
package struct TokenRules: Sendable, Hashable {
    /// Nil: all that fit the keys.
    package var algorithms: Set<TokenAlgorithm>?
    /// `iss` must be exactly this. Nil: anyone whom the keys let sign.
    package var issuer: String?
    /// `aud` must be or contain exactly this. Nil: any, or none.
    package var audience: String?
    /// How far clocks may be apart. Unit: seconds. Range: 0...86,400; what is beyond counts as the nearest of these.
    package var leewaySeconds: Int64

    package init(
        algorithms: Set<TokenAlgorithm>? = nil, issuer: String? = nil, audience: String? = nil,
        leewaySeconds: Int64 = 60
    ) {
        self.algorithms = algorithms
        self.issuer = issuer
        self.audience = audience
        self.leewaySeconds = leewaySeconds
    }
}
