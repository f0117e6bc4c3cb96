import UsherHTTP
import UsherTelemetry
import UsherTransport

extension AccessEntry {
    /// Whose request it is.
    mutating func take(_ peer: Peer, of head: RequestHead) {
        self.client = peer.clientAddress(of: head)
        guard let tls = peer.tls else { return }
        self.tls = tls.version.label
    }
}
