/// What a path of the admin server stands for.
enum ConsoleRoute: Sendable, Hashable {
    case page
    case livez
    case readyz
    case metrics
    case configuration
    case explain
    case services
    case service(String)
    case endpoints(of: String)
    case change(EndpointChange, service: String)
    case certificates
    case quotas
    case caches
    case shards
    case purge
    case reload
    case nothing

    /// - Parameter path: what stands before `?`, as it came. Names in it are percent-decoded, once.
    init(path: String) {
        switch path {
        case "/": self = .page
        case "/livez": self = .livez
        case "/readyz": self = .readyz
        case "/metrics": self = .metrics
        case "/api/v1/config": self = .configuration
        case "/api/v1/explain": self = .explain
        case "/api/v1/services": self = .services
        case "/api/v1/certificates": self = .certificates
        case "/api/v1/quotas": self = .quotas
        case "/api/v1/caches": self = .caches
        case "/api/v1/shards": self = .shards
        case "/api/v1/purge": self = .purge
        case "/api/v1/reload": self = .reload
        default: self = Self.ofService(path) ?? .nothing
        }
    }

    /// Whether it may change what runs; all others only read.
    var isChange: Bool {
        switch self {
        case .change, .reload, .purge: true
        case .page, .livez, .readyz, .metrics, .configuration, .explain, .services, .service, .endpoints,
            .certificates, .quotas, .caches, .shards, .nothing:
            false
        }
    }

    /// `/api/v1/services/NAME` and what stands below it.
    private static func ofService(_ path: String) -> ConsoleRoute? {
        let prefix = "/api/v1/services/"
        guard path.hasPrefix(prefix) else { return nil }
        let parts = path.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, !first.isEmpty, let name = RequestTarget.decoded(first) else { return nil }
        switch parts.count {
        case 1: return .service(name)
        case 2 where parts[1] == "endpoints": return .endpoints(of: name)
        case 2: return EndpointChange(rawValue: String(parts[1])).map { .change($0, service: name) }
        default: return nil
        }
    }
}
