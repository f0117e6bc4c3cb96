import UsherTelemetry

/// What all workers use together.
final class WorkerCommons: Sendable {
    let checker = CredentialChecker()
    let pressure = Pressure()
    /// Nil: no audit log is written.
    let audit: AuditTrail?
    /// The text of the operator's token, by which requests prove that they may pass by the caches.
    let adminToken: String

    init(audit: AuditTrail?, adminToken: String) {
        self.audit = audit
        self.adminToken = adminToken
    }
}
