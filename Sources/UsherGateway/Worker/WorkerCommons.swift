import UsherTelemetry

/// What all workers use together.
final class WorkerCommons: Sendable {
    let checker = CredentialChecker()
    let pressure = Pressure()
    /// Nil: no audit log is written.
    let audit: AuditTrail?

    init(audit: AuditTrail?) {
        self.audit = audit
    }
}
