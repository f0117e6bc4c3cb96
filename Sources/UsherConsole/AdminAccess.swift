internal import UsherCore

/// Who may ask the admin server for what.
///
/// Path              | on loopback (or a Unix socket) | elsewhere
/// ------------------|--------------------------------|-----------------------------------------
/// /livez, /readyz   | everybody                      | everybody
/// /metrics          | known Host, own Origin         | everybody when `metrics: open`, else token
/// all others        | known Host, own Origin         | token, known Host, own Origin
///
/// A page of another site cannot make a browser read from here: a name that it points at this address (DNS rebinding)
/// is no known Host, and its requests bear its Origin.
struct AdminAccess: Sendable {
    /// What the rules look at in a request.
    struct Request {
        var method: String
        var path: String
        /// The Host header.
        var host: String?
        var origin: String?
        var authorization: String?
    }

    enum Verdict: Sendable, Hashable {
        case allowed
        /// The method would change something, or is none of HTTP's.
        case methodNotAllowed
        case unknownHost(String)
        case foreignOrigin(String)
        case tokenNeeded
    }

    let address: AdminAddress
    let token: AdminToken
    /// `admin: { metrics: open }`
    let metricsOpen: Bool
    /// The machine's own name, which may stand in Host when it listens on every address.
    let machineName: String

    /// The first rule that is broken.
    func verdict(on request: Request) -> Verdict {
        guard request.method == "GET" || request.method == "HEAD" else { return .methodNotAllowed }
        switch request.path {
        case "/livez", "/readyz": return .allowed
        case "/metrics" where metricsOpen: return .allowed
        default: break
        }
        let host = request.host ?? ""
        guard isKnown(host: host) else { return .unknownHost(host) }
        if let origin = request.origin, !isOwn(origin: origin, host: host) { return .foreignOrigin(origin) }
        guard address.isLocal || token.matches(authorization: request.authorization) else { return .tokenNeeded }
        return .allowed
    }

    /// The port is left aside: tunnels and containers change it, and rebinding needs a name.
    private func isKnown(host: String) -> Bool {
        guard case .ip(let own, _) = address else { return true }
        guard let name = Self.name(of: host) else { return false }
        if name == "localhost" { return true }
        if let literal = IPAddress(text: name) {
            // When we listen on every address, any of them may be written; a literal is never rebound.
            return literal.isLoopback || literal == own || own.isUnspecified
        }
        return own.isUnspecified && !machineName.isEmpty && name == machineName.lowercased()
    }

    private func isOwn(origin: String, host: String) -> Bool {
        origin.lowercased() == "http://\(host.lowercased())"
    }

    /// The lower-case name or address of `name[:port]`, without the brackets of IPv6; nil when it is neither.
    private static func name(of host: String) -> String? {
        let lower = host.lowercased()
        if lower.hasPrefix("[") {
            guard let end = lower.firstIndex(of: "]") else { return nil }
            let rest = lower[lower.index(after: end)...]
            guard rest.isEmpty || isPort(rest) else { return nil }
            return String(lower[lower.index(after: lower.startIndex)..<end])
        }
        guard let colon = lower.firstIndex(of: ":") else { return lower.isEmpty ? nil : lower }
        guard isPort(lower[colon...]), colon != lower.startIndex else { return nil }
        return String(lower[..<colon])
    }

    /// A colon and digits.
    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && text.dropFirst().allSatisfy { $0.isASCII && $0.isNumber }
    }
}
