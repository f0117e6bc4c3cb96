import UsherCore
import UsherIdentities
import UsherTelemetry

/// What one worker knows of credentials that take long to verify. Good ones and bad ones have memory of their own, so
/// that whoever floods us with wrong ones does not push out the others.
struct CredentialCache: Sendable {
    private struct Known: Sendable {
        var caller: Caller
        var kind: CredentialKind
        /// Seconds since the Unix epoch.
        var until: Int64
    }

    private struct Wrong: Sendable {
        var fault: CredentialFault
        var until: Int64
    }

    private static let capacity = 16_384
    /// What the claims of callers may take. 16 MiB.
    private static let claimsMaximum = 16 << 20
    /// How long a password that was right is believed without looking again. Unit: seconds.
    static let passwordSeconds: Int64 = 600
    /// How long a credential that was wrong is not looked at again.
    private static let wrongSeconds: Int64 = 10

    private var known = GenerationMap<CredentialDigest, Known>(capacity: capacity, weight: claimsMaximum)
    private var wrong = GenerationMap<CredentialDigest, Wrong>(capacity: capacity)

    mutating func verdict(on digest: CredentialDigest, now: Int64) -> CredentialVerdict? {
        if let known = self.known.value(of: digest) {
            if now < known.until { return .caller(known.caller) }
            self.known.remove(digest)
        }
        guard let wrong = self.wrong.value(of: digest), now < wrong.until else { return nil }
        return .invalid(wrong.fault)
    }

    /// - Parameter until: when a good one is looked at again, in seconds since the Unix epoch.
    mutating func keep(
        _ verdict: CredentialVerdict, on digest: CredentialDigest, kind: CredentialKind, until: Int64, now: Int64
    ) {
        switch verdict {
        case .caller(let caller):
            self.known.insert(
                Known(caller: caller, kind: kind, until: until), for: digest, weight: caller.claimsMemory)
        case .invalid(let fault):
            if fault.isFinal { self.wrong.insert(Wrong(fault: fault, until: now + Self.wrongSeconds), for: digest) }
        }
    }

    /// Forgets what other files may see otherwise; the rest stays, so that one new key does not make everybody's
    /// password be looked at again at once.
    mutating func filesChanged(from old: Credentials, to new: Credentials) {
        self.wrong = GenerationMap(capacity: Self.capacity)
        guard old.settings == new.settings else {
            self.known = GenerationMap(capacity: Self.capacity, weight: Self.claimsMaximum)
            return
        }
        let areTokensSame = old.tokens?.keys.source == new.tokens?.keys.source
        self.known.removeAll { known in
            switch known.kind {
            case .token: !areTokensSame
            case .password: old.users[known.caller.name] != new.users[known.caller.name]
            case .key: true
            }
        }
    }
}
