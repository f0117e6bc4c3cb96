/// How a client's TLS handshake ended.
package enum HandshakeOutcome: Sendable, Hashable {
    /// - Parameter unknownName: the host that the client asked for, when no certificate is of that name and it got the
    ///   listener's first one.
    case completed(unknownName: String?)
    /// The client spoke something else, plain HTTP mostly.
    case plaintext
    /// It speaks none of our protocols inside TLS.
    case noProtocol
    case timedOut
    /// It left before the end.
    case aborted
    /// Neither side could go on; the reason is TLS's own.
    case failed(String)
}
