import UsherTransport

/// What became of the files of one certificate, or of a file of authorities.
struct CertificateState: Sendable {
    /// Absolute path: of a certificate the file with its chain.
    let file: String
    /// Of the certificate in use; nil when there is none, and for authorities.
    var facts: CertificateFacts?
    /// Why the files as they are now are not used; nil when they are.
    var problem: String?
    /// Changes that were taken over.
    var replaced: UInt64 = 0
    /// Changes that were refused, because something is wrong with them.
    var refused: UInt64 = 0
}
