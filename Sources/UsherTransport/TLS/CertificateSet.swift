internal import Synchronization

/// The certificates of one listener, found by the host name that a client asks for; immutable, swapped whole.
package final class CertificateSet: Sendable {
    /// In the order of the configuration; never empty.
    private let certificates: [ServerCertificate]
    private let exact: [String: [Int]]
    /// By what stands behind `*.`.
    private let wildcards: [String: [Int]]
    /// For clients that name nobody, or somebody unknown: those of the first one's first name.
    private let fallback: [Int]
    private let staleSessions = Atomic(false)

    /// A session was resumed whose client's certificate has expired since.
    package var hasStaleSessions: Bool { self.staleSessions.load(ordering: .relaxed) }

    func noteStaleSession() { self.staleSessions.store(true, ordering: .relaxed) }

    /// Nil when there is no certificate.
    package init?(_ certificates: [ServerCertificate]) {
        guard let first = certificates.first else { return nil }
        self.certificates = certificates
        var exact: [String: [Int]] = [:]
        var wildcards: [String: [Int]] = [:]
        for (index, certificate) in certificates.enumerated() {
            for name in certificate.facts.names {
                if name.hasPrefix("*.") {
                    wildcards[String(name.dropFirst(2)), default: []].append(index)
                } else {
                    exact[name, default: []].append(index)
                }
            }
        }
        self.exact = exact
        self.wildcards = wildcards
        let name = first.facts.names.first
        self.fallback = certificates.indices.filter { index in
            index == 0 || (name.map { certificates[index].facts.names.contains($0) } ?? false)
        }
    }

    /// The certificate for a client, and whether it is of the name that the client asked for.
    package func choose(_ hello: ClientHello) -> (certificate: ServerCertificate, isNamed: Bool) {
        if let name = hello.serverName, let candidates = self.candidates(for: name) {
            return (self.best(of: candidates, for: hello), true)
        }
        return (self.best(of: self.fallback, for: hello), hello.serverName == nil)
    }

    /// An exact name is nearer than a wildcard, which stands for one label (RFC 6125 §6.4.3).
    private func candidates(for name: String) -> [Int]? {
        if let found = self.exact[name] { return found }
        guard let point = name.firstIndex(of: ".") else { return nil }
        return self.wildcards[String(name[name.index(after: point)...])]
    }

    /// An elliptic curve costs both sides a fraction of what RSA does, so it comes first where the client knows it.
    private func best(of candidates: [Int], for hello: ClientHello) -> ServerCertificate {
        let curves = candidates.first { index in
            self.certificates[index].facts.keyKind != .rsa && self.certificates[index].suits(hello)
        }
        let chosen = curves ?? candidates.first { self.certificates[$0].suits(hello) }
        return self.certificates[chosen ?? candidates.first ?? 0]
    }
}
