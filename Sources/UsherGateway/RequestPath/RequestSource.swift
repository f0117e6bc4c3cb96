import NIOCore
import UsherCore
import UsherHTTP
import UsherTransport

/// What templates read of one request, its caller and its route.
struct RequestSource: TemplateSource {
    private let head: RequestHead
    private let peer: Peer
    private let caller: Caller?
    private let plan: RoutePlan?
    private let service: ServicePlan?
    private let body: ByteBuffer?

    /// - Parameters:
    ///   - caller: nil: it is not known yet who asks.
    ///   - body: the whole of it; nil: it was not read, and its fields have no values.
    init(
        _ head: RequestHead, peer: Peer, caller: Caller? = nil, plan: RoutePlan? = nil, service: ServicePlan? = nil,
        body: ByteBuffer? = nil
    ) {
        self.head = head
        self.peer = peer
        self.caller = caller
        self.plan = plan
        self.service = service
        self.body = body
    }

    func append(_ variable: Template.Variable, to bytes: inout [UInt8]) -> Bool {
        switch variable {
        case .method, .host, .path, .pathSegment, .query, .header, .cookie:
            return HeadSource(self.head).append(variable, to: &bytes)
        case .sourceAddress(let prefix):
            guard let address = self.peer.clientAddress(of: self.head) else { return false }
            (prefix.map { address.masked(prefix: $0) } ?? address).append(to: &bytes)
            return true
        case .destinationAddress(let prefix):
            guard let address = self.peer.destination else { return false }
            (prefix.map { address.masked(prefix: $0) } ?? address).append(to: &bytes)
            return true
        case .route: return self.append(self.plan?.name, to: &bytes)
        case .service: return self.append(self.service?.name, to: &bytes)
        case .identity:
            guard let name = self.caller?.name, !name.isEmpty else { return false }
            bytes.append(contentsOf: name)
            return true
        case .class:
            guard let caller = self.caller else { return false }
            bytes.append(contentsOf: caller.className)
            return true
        case .claim(let name):
            guard let value = self.caller?.claims[name] else { return false }
            bytes.append(contentsOf: value.utf8)
            return true
        case .body(let keys):
            guard let body = self.body else { return false }
            return JSONField.append(keys, of: body.readableBytesUInt8Span, to: &bytes) == .found
        }
    }

    private func append(_ name: String?, to bytes: inout [UInt8]) -> Bool {
        guard let name, !name.isEmpty else { return false }
        bytes.append(contentsOf: name.utf8)
        return true
    }
}
