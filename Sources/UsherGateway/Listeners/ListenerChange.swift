import NIOCore
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherTransport

/// What a reload, or a new certificate, may change of a listener that is open.
struct ListenerChange: Sendable {
    let trustedProxies: [IPRange]
    let proxyProtocol: Bool
    let limits: ConnectionLimits
    let certificates: CertificateSet?
    let httpsPort: Int?
    let transportSecurityLine: [UInt8]

    /// - Parameters:
    ///   - certificates: those that the listener has now; nil: it speaks in the clear.
    ///   - httpsPort: where `redirect: https` leads to.
    init(
        _ settings: ListenerSettings, _ limits: LimitSettings, certificates: CertificateSet?, httpsPort: Int?
    ) {
        self.trustedProxies = settings.trustedProxies
        self.proxyProtocol = settings.proxyProtocol
        self.limits = ConnectionLimits(limits)
        self.certificates = certificates
        self.httpsPort = settings.redirectsToTLS ? httpsPort : nil
        self.transportSecurityLine = settings.tls?.hsts.map { Self.line(of: $0) } ?? []
    }

    /// What a listener begins with, so that nobody meets it half made.
    func configuration(id: Int, address: SocketAddress) -> Listener.Configuration {
        var configuration = Listener.Configuration(
            address: address, trustedProxies: self.trustedProxies, limits: self.limits)
        configuration.id = id
        configuration.proxyProtocol = self.proxyProtocol
        configuration.certificates = self.certificates
        configuration.httpsPort = self.httpsPort
        configuration.transportSecurityLine = self.transportSecurityLine
        return configuration
    }

    func apply(to listener: BoundListener) {
        listener.configuration.trustedProxies = self.trustedProxies
        listener.configuration.proxyProtocol = self.proxyProtocol
        listener.configuration.limits = self.limits
        listener.configuration.certificates = self.certificates
        listener.rules.httpsPort = self.httpsPort
        listener.rules.transportSecurityLine = self.transportSecurityLine
    }

    private static func line(of age: Duration) -> [UInt8] {
        Array("Strict-Transport-Security: max-age=\(age.components.seconds)\r\n".utf8)
    }
}

extension ConnectionCounts.Limits {
    init(_ settings: LimitSettings) {
        self.init(total: settings.connections, perClient: settings.connectionsPerClient)
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
