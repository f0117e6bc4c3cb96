internal import UsherTelemetry

/// One certificate as one listener or service uses it, or a file of authorities.
package struct CertificateReport: Codable, Sendable, Hashable {
    /// `listener 0.0.0.0:443`, `service web`.
    package var usedBy: String
    /// Absolute path: of a certificate the file with its chain.
    package var file: String
    package var state: State
    /// Why the files as they are now are not used; absent when they are.
    package var problem: String?
    /// Of the certificate in use; absent when there is none, and for authorities.
    package var certificate: Facts?

    package enum State: String, Codable, Sendable {
        case ok
        /// It expires within `soonDays`.
        case soon
        case expired
        /// Its files as they are now should not be used, so the one from before stays; at the start, where there is
        /// none, it is used all the same.
        case kept
        case unusable
    }

    /// What a certificate says of itself.
    package struct Facts: Codable, Sendable, Hashable {
        /// Host names and addresses that it is for.
        package var names: [String]
        /// RFC 4514.
        package var subject: String
        package var issuer: String
        /// `ECDSA P-256`, `RSA`.
        package var key: String
        /// RFC 3339.
        package var notBefore: String
        package var notAfter: String
        /// Negative once it has expired.
        package var daysLeft: Int

        enum CodingKeys: String, CodingKey {
            case names, subject, issuer, key
            case notBefore = "not-before"
            case notAfter = "not-after"
            case daysLeft = "days-left"
        }

        package init(
            names: [String], subject: String, issuer: String, key: String, notBeforeUnixSeconds: Int64,
            notAfterUnixSeconds: Int64, daysLeft: Int
        ) {
            self.names = names
            self.subject = subject
            self.issuer = issuer
            self.key = key
            self.notBefore = rfc3339(unixSeconds: notBeforeUnixSeconds)
            self.notAfter = rfc3339(unixSeconds: notAfterUnixSeconds)
            self.daysLeft = daysLeft
        }
    }

    enum CodingKeys: String, CodingKey {
        case usedBy = "used-by"
        case file, state, problem, certificate
    }

    /// Days before its end at which somebody should ask why no newer one has come: most are renewed a month before.
    package static let soonDays = 21

    /// - Parameter isInUse: something that came from the file is, if not what it holds now.
    package init(usedBy: String, file: String, problem: String?, facts: Facts?, isInUse: Bool) {
        self.usedBy = usedBy
        self.file = file
        self.problem = problem
        self.certificate = facts
        self.state = Self.state(problem, facts, isInUse)
    }

    /// Somebody has to do something now.
    package var isBad: Bool { self.state != .ok && self.state != .soon }

    private static func state(_ problem: String?, _ facts: Facts?, _ isInUse: Bool) -> State {
        if let facts, facts.daysLeft < 0 { return .expired }
        if problem != nil { return isInUse ? .kept : .unusable }
        if let facts, facts.daysLeft <= Self.soonDays { return .soon }
        return .ok
    }
}

/// The answer of `/api/v1/certificates`.
package struct CertificateList: Codable, Sendable {
    package var certificates: [CertificateReport]

    package init(certificates: [CertificateReport]) {
        self.certificates = certificates
    }
}
