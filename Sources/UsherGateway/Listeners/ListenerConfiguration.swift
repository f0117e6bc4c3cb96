import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherTransport

extension Listener.Configuration {
    /// - Parameters:
    ///   - certificates: those that the listener has now; nil: it speaks in the clear.
    ///   - httpsPort: where `redirect: https` leads to.
    init(
        _ settings: ListenerSettings, _ limits: LimitSettings, addresses: AddressRules, certificates: CertificateSet?,
        httpsPort: Int?
    ) {
        self.init()
        self.addresses = addresses
        self.trustedProxies = settings.trustedProxies
        self.proxyProtocol = settings.proxyProtocol
        self.limits = ConnectionLimits(limits)
        self.certificates = certificates
        self.httpsPort = settings.redirectsToTLS ? httpsPort : nil
        self.transportSecurityLine = settings.tls?.hsts.map { Self.transportSecurityLine(of: $0) } ?? []
    }

    private static func transportSecurityLine(of age: Duration) -> [UInt8] {
        Array("Strict-Transport-Security: max-age=\(age.components.seconds)\r\n".utf8)
    }
}

extension ListenerSettings {
    /// Whether a client that came in before might not come in now, or would have to show more.
    func letsInOthers(than before: ListenerSettings) -> Bool {
        guard let tls = self.tls else { return false }
        guard let earlier = before.tls else { return true }
        return tls.clientAuthorities != earlier.clientAuthorities
            || tls.clientCertificate != earlier.clientCertificate || tls.minimum != earlier.minimum
    }
}

extension ConnectionCounts.Limits {
    init(_ settings: LimitSettings) {
        self.init(
            total: settings.connections, perClient: settings.connectionsPerClient,
            newPerClient: settings.newConnectionsPerClient)
    }
}

extension ConnectionLimits {
    init(_ settings: LimitSettings) {
        self.init()
        self.head = HeadLimits(
            head: settings.head.bytes, requestLine: settings.requestLine.bytes, fields: settings.fields)
        self.headTime = settings.headTime.nanosecondsClamped
        self.idle = settings.idle.nanosecondsClamped
        self.bodyRate = settings.bodyRate.bytesPerSecond
    }
}
