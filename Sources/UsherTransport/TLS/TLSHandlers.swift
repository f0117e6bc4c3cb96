import NIOCore
import NIOSSL

/// The TLS ends of channels, and what they tell of the other side.
enum TLSHandlers {
    /// How long the other side may take to answer the end of TLS before the connection is closed all the same.
    static let shutdownTime = TimeAmount.seconds(2)
    /// Largest buffer for encrypted bytes that a connection keeps between writes. 32 KiB: two records.
    private static let keptBytes = 32_768

    static func server(_ context: NIOSSLContext) -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: context, customVerificationCallback: nil, configuration: Self.configuration)
    }

    static var configuration: NIOSSLHandler.Configuration {
        var configuration = NIOSSLHandler.Configuration()
        configuration.maximumPreservedOutboundBufferCapacity = Self.keptBytes
        return configuration
    }

    /// What the handshake has shown of the client.
    ///
    /// - Throws: `StaleSession` when its certificate is not valid now: a resumed session brings the one that was shown
    ///   at its first handshake, which nobody has looked at since. `CertificateProblem` when it names nobody.
    static func peer(of pipeline: ChannelPipeline) throws -> PeerTLS {
        let version: PeerTLS.Version = try pipeline.syncOperations.nioSSL_tlsVersion() == .tlsv13 ? .tls13 : .tls12
        guard let certificate = try pipeline.syncOperations.nioSSL_peerCertificate() else {
            return PeerTLS(version: version)
        }
        let facts = try CertificateFacts(certificate)
        if let problem = facts.problem(atUnixSeconds: WallClock.seconds) {
            throw StaleSession(description: "the client's certificate cannot be used: \(problem)")
        }
        guard !facts.identity.isEmpty else { throw CertificateProblem("the client's certificate names nobody") }
        return PeerTLS(version: version, subject: facts.identity)
    }
}

/// A session was resumed whose client's certificate is not valid any more; a full handshake would not have come to its
/// end.
struct StaleSession: Error, CustomStringConvertible {
    let description: String
}

extension HandshakeOutcome {
    /// What an error in the middle of a handshake means.
    init(_ error: any Error) {
        switch error {
        case NIOSSLError.handshakeFailed(.sslError(let stack)) where stack.contains(.eofDuringHandshake):
            self = .aborted
        case is IOError:
            self = .aborted
        default:
            self = .failed(TLSReason.text(of: error))
        }
    }
}

/// TLS errors in words.
enum TLSReason {
    static let otherName = "its certificate is not for this name"
    private static let refused = "the other side refused: "

    /// That the other side does not take the certificate that we have shown, or that we have shown none, of which a
    /// client hears in TLS 1.3 only when its handshake is over; nil: it is something else.
    static func ofRefusal(_ error: any Error) -> String? {
        guard error is NIOSSLError || error is BoringSSLError else { return nil }
        let text = self.text(of: error)
        let words = ["certificate", "unknown ca", "access denied"]
        return text.hasPrefix(self.refused) && words.contains { text.contains($0) } ? text : nil
    }

    /// `unsupported protocol` out of `Error: 1 error:10f0:SSL routines:OPENSSL_internal:UNSUPPORTED_PROTOCOL at /f:1`.
    static func text(of error: any Error) -> String {
        switch error {
        case NIOSSLError.handshakeFailed(.sslError(let stack)): self.text(of: stack)
        case BoringSSLError.sslError(let stack): self.text(of: stack)
        case let error as NIOSSLExtraError: self.text(of: error)
        default: "\(error)"
        }
    }

    private static func text(of error: NIOSSLExtraError) -> String {
        error == .failedToValidateHostname ? self.otherName : "\(error)"
    }

    private static func text(of stack: NIOBoringSSLErrorStack) -> String {
        if stack.contains(.eofDuringHandshake) { return "the connection was closed in the middle of the handshake" }
        guard let first = stack.first else { return "no reason given" }
        let whole = "\(first)"
        guard let start = whole.firstRange(of: "_internal:") else { return whole }
        let name = whole[start.upperBound...].prefix { $0 != " " }
        if name == "CERTIFICATE_VERIFY_FAILED" {
            return "the certificate is not signed by an authority that is trusted here, or is not valid now"
        }
        if name == "WRONG_VERSION_NUMBER" { return "the other side does not speak TLS" }
        let words = name.lowercased().replacing("_", with: " ")
        // `TLSV1_ALERT_CERTIFICATE_REQUIRED` and its like: what the other side said.
        guard let alert = words.firstRange(of: " alert ") else { return words }
        return "\(self.refused)\(words[alert.upperBound...])"
    }
}
