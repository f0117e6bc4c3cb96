package import UsherCore

/// What a listener adds to everything that comes in through it; a reload may change it under open connections.
///
/// Confinement: one event loop; each has its own.
package final class ListenerRules {
    /// The owner's own number for the listener.
    package let id: Int
    /// Where requests are redirected to, all of them: the port of a TLS listener. Nil: they are served.
    package private(set) var httpsPort: Int?
    /// The `Strict-Transport-Security` line with its CR LF (RFC 6797 §6.1); empty: none, and a service's own passes.
    package private(set) var transportSecurityLine: [UInt8] = []

    /// Whose requests are answered, where there are such rules.
    package private(set) var addresses = AddressRules()

    package init(id: Int = 0) {
        self.id = id
    }

    package func follow(_ configuration: Listener.Configuration) {
        self.httpsPort = configuration.httpsPort
        self.addresses = configuration.addresses
        self.transportSecurityLine = configuration.transportSecurityLine
    }
}
