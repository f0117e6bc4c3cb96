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

    init(_ verdict: CredentialVerdict) {
        switch verdict {
        case .caller(let caller): self = .caller(caller)
        case .invalid(let fault): self = .refused(fault)
        }
    }
}

/// A credential that takes too long to verify on an event loop, beside what else the request shows.
struct UnverifiedCredential {
    var shown: ShownCredentials
    var secret: ShownCredentials.Secret
    var digest: CredentialDigest
    var certificate: Caller?
}

/// A credential that is being verified, and by what.
struct PendingVerdict: Hashable {
    var digest: CredentialDigest
    var credentials: ObjectIdentifier
}

/// The `identify` phase.
extension Worker {
    func identify(_ head: RequestHead, _ peer: Peer) -> Identification {
        let certificate = peer.identity.isEmpty ? nil : Caller(certificate: peer.identity)
        let credentials = self.snapshot.credentials
        guard credentials.readsAny else { return .caller(certificate ?? .anonymous) }
        let shown = ShownCredentials(head, credentials)
        let client = peer.clientAddress(of: head)
        if let kind = shown.unreadable { self.note(.invalid(.unreadable), kind, nil, client) }
        if let (verdict, digest) = shown.key { self.note(verdict, .key, digest, client) }
        guard let (secret, digest) = shown.secret else {
            return Identification(shown.caller(certificate: certificate, secret: nil))
        }
        if let verdict = self.credentialCache.verdict(on: digest, now: Int64(WallClock.seconds)) {
            self.note(verdict, secret.kind, digest, client)
            return Identification(shown.caller(certificate: certificate, secret: verdict))
        }
        // What is refused anyway is not worth a look at the rest.
        if case .invalid(let fault) = shown.caller(certificate: certificate, secret: nil) { return .refused(fault) }
        return .unverified(
            UnverifiedCredential(shown: shown, secret: secret, digest: digest, certificate: certificate))
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
        let told = { (verdict: CredentialVerdict) in
            self.note(verdict, credential.secret.kind, credential.digest, client)
            done(Identification(credential.shown.caller(certificate: credential.certificate, secret: verdict)))
        }
        // Many requests may show the same one at once: it is looked at once for all of them.
        let pending = PendingVerdict(digest: credential.digest, credentials: ObjectIdentifier(credentials))
        let isFirst = self.pendingVerdicts[pending] == nil
        self.pendingVerdicts[pending, default: []].append(told)
        guard isFirst else { return }
        self.commons.checker.verify(
            credential.secret, from: client, by: credentials, now: now, monotonic: self.loop.now,
            on: self.loop.eventLoop
        ) { verdict, until in
            // Files may have changed meanwhile: then it holds for these requests only.
            if credentials === self.snapshot.credentials {
                self.credentialCache.keep(
                    verdict, on: credential.digest, kind: credential.secret.kind, until: until, now: now)
            }
            for told in self.pendingVerdicts.removeValue(forKey: pending) ?? [] { told(verdict) }
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
