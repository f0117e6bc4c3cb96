import Synchronization
import UsherConfiguration
import UsherCore
import UsherIdentities
import UsherTelemetry
import UsherTransport

/// What the audit log is told of logins and of changed keys; shared by all workers.
final class AuditTrail: Sendable {
    private static let noLogins = GenerationMap<CredentialDigest, Void>(capacity: 131_072)

    private let log: AuditLog
    /// Credentials that have logged in: each has one line, whichever worker meets it first, until the files change.
    private let loggedIn = Mutex(AuditTrail.noLogins)

    init(_ log: AuditLog) {
        self.log = log
    }

    func login(
        _ kind: CredentialKind, _ caller: Caller, _ classes: CallerClasses, _ digest: CredentialDigest,
        from client: IPAddress?
    ) {
        let isNew = self.loggedIn.withLock { loggedIn in
            if loggedIn.value(of: digest) != nil { return false }
            loggedIn.insert((), for: digest)
            return true
        }
        guard isNew else { return }
        self.record(
            .login,
            [
                ("method", "\(kind.label)"), ("identity", String(decoding: caller.name, as: UTF8.self)),
                ("class", classes[caller.callerClass]), ("client", client.map { "\($0)" } ?? "unix"),
            ])
    }

    func loginFailed(_ kind: CredentialKind, _ fault: CredentialFault, from client: IPAddress?) {
        self.record(
            .loginFailed,
            [
                ("method", "\(kind.label)"), ("why", "\(fault.sentence)"),
                ("client", client.map { "\($0)" } ?? "unix"),
            ])
    }

    /// The files of `identities` say something else than before.
    func changed(from old: Credentials, to new: Credentials) {
        self.loggedIn.withLock { $0 = Self.noLogins }
        for (digest, caller) in new.keys {
            let before = old.keys[digest]
            guard let before else {
                self.record(.keyAdded, caller, new.classes)
                continue
            }
            if caller.name != before.name {
                self.record(.keyRemoved, before, old.classes)
                self.record(.keyAdded, caller, new.classes)
            } else if new.classes[caller.callerClass] != old.classes[before.callerClass] {
                self.record(.keyChanged, caller, new.classes)
            }
        }
        for (digest, caller) in old.keys where new.keys[digest] == nil {
            self.record(.keyRemoved, caller, old.classes)
        }
        for (name, user) in new.users {
            guard let before = old.users[name] else {
                self.record(.userAdded, user.caller, new.classes)
                continue
            }
            let isOther =
                before.hash != user.hash
                || old.classes[before.caller.callerClass] != new.classes[user.caller.callerClass]
            if isOther { self.record(.userChanged, user.caller, new.classes) }
        }
        for (name, user) in old.users where new.users[name] == nil {
            self.record(.userRemoved, user.caller, old.classes)
        }
        if let tokens = new.tokens, let before = old.tokens, tokens.keys.source != before.keys.source {
            self.record(.tokenKeysChanged, [("keys", new.settings.jwt?.keys.place ?? "")])
        }
    }

    func close() async {
        await self.log.close()
    }

    private func record(_ kind: AuditEvent.Kind, _ caller: Caller, _ classes: CallerClasses) {
        self.record(
            kind, [("identity", String(decoding: caller.name, as: UTF8.self)), ("class", classes[caller.callerClass])])
    }

    private func record(_ kind: AuditEvent.Kind, _ fields: [(name: StaticString, value: String)]) {
        self.log.record(AuditEvent(kind, fields), unixMilliseconds: WallClock.milliseconds())
    }
}
