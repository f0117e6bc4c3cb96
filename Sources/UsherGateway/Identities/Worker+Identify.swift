import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherTelemetry
import UsherTransport

/// What the `identify` phase found.
enum Identification {
    case caller(Caller)
    case refused(CredentialFault)
    /// A token or password that has not been seen lately: `Worker.verify` finds out.
    case unverified(UnverifiedCredential)
}

/// A credential that takes too long to verify on an event loop, beside what else the request shows.
struct UnverifiedCredential {
    var secret: ShownCredentials.Secret
    var digest: CredentialDigest
    var certificate: Caller?
    var key: Caller?

    /// Of several the certificate comes first, then token, key and password.
    func foremost(_ caller: Caller) -> Caller {
        self.certificate ?? (self.secret.kind == .token ? caller : self.key ?? caller)
    }
}

/// The `identify` phase: every credential that `identities` reads is looked at, and a wrong one is always refused.
extension Worker {
    func identify(_ head: RequestHead, _ peer: Peer) -> Identification {
        let certificate = peer.identity.isEmpty ? nil : Caller(certificate: peer.identity)
        let credentials = self.snapshot.credentials
        guard credentials.isAny else { return .caller(certificate ?? .anonymous) }
        let shown = ShownCredentials(head, credentials)
        let client = peer.clientAddress(of: head)
        if let kind = shown.unreadable {
            self.note(.invalid(.unreadable), kind, nil, client)
            return .refused(.unreadable)
        }
        var key: Caller?
        if let (verdict, digest) = shown.key {
            self.note(verdict, .key, digest, client)
            switch verdict {
            case .caller(let caller): key = caller
            case .invalid(let fault): return .refused(fault)
            }
        }
        guard let (secret, digest) = shown.secret else { return .caller(certificate ?? key ?? .anonymous) }
        let unverified = UnverifiedCredential(secret: secret, digest: digest, certificate: certificate, key: key)
        guard let verdict = self.credentialCache.verdict(on: digest, now: Int64(WallClock.seconds)) else {
            return .unverified(unverified)
        }
        return self.conclude(verdict, unverified, client)
    }

    /// Finds out about a credential and calls `done` on this loop, at once or later.
    func verify(
        _ credential: UnverifiedCredential, _ head: RequestHead, _ peer: Peer,
        _ done: @escaping (Identification) -> Void
    ) {
        let credentials = self.snapshot.credentials
        let now = Int64(WallClock.seconds)
        // The client may have left by then, and its head be another one's.
        let client = peer.clientAddress(of: head)
        self.commons.checker.verify(
            credential.secret, from: client, by: credentials, now: now, monotonic: self.loop.now,
            on: self.loop.eventLoop
        ) { verdict, until in
            // Files may have changed meanwhile: then it holds for this request only.
            if credentials === self.snapshot.credentials {
                self.credentialCache.keep(verdict, on: credential.digest, until: until, now: now)
            }
            done(self.conclude(verdict, credential, client))
        }
    }

    private func conclude(
        _ verdict: CredentialVerdict, _ credential: UnverifiedCredential, _ client: IPAddress?
    ) -> Identification {
        self.note(verdict, credential.secret.kind, credential.digest, client)
        switch verdict {
        case .caller(let caller): return .caller(credential.foremost(caller))
        case .invalid(let fault): return .refused(fault)
        }
    }

    /// Counts what a credential came to, and tells the audit of it.
    private func note(
        _ verdict: CredentialVerdict, _ kind: CredentialKind, _ digest: CredentialDigest?, _ client: IPAddress?
    ) {
        switch verdict {
        case .caller(let caller):
            self.metrics.credentialSeen(kind, isAccepted: true)
            guard let audit = self.commons.audit, let digest else { return }
            // Known here already: the usual case.
            if self.auditedLogins.value(of: digest) != nil { return }
            self.auditedLogins.insert((), for: digest)
            audit.login(kind, caller, self.snapshot.credentials.classes, digest, from: client)
        case .invalid(let fault):
            self.metrics.credentialSeen(kind, isAccepted: false)
            self.commons.audit?.loginFailed(kind, fault, from: client)
        }
    }
}
