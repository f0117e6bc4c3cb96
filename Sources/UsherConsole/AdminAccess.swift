internal import UsherCore

/// Who may ask the admin server for what.
///
/// Path               | methods   | on loopback (or a Unix socket) | elsewhere
/// -------------------|-----------|--------------------------------|-----------------------------------------
/// /livez, /readyz    | GET, HEAD | everybody                      | everybody
/// /metrics           | GET, HEAD | known Host, own Origin         | everybody when `metrics: open`, else token
/// changes            | POST      | token, known Host, own Origin  | token, known Host, own Origin
/// all others         | GET, HEAD | known Host, own Origin         | token, known Host, own Origin
///
/// A page of another site cannot make a browser read from here: a name that it points at this address (DNS rebinding)
/// is no known Host, and its requests bear its Origin. Nor can it make one change anything: it has no token, and a
/// body is only taken as `application/json`, which a browser does not send to another site unasked.
struct AdminAccess: Sendable {
    /// What the rules look at in a request.
    struct Request {
        var method: String
        var route: ConsoleRoute
        /// The Host header.
        var host: String?
        var origin: String?
        var authorization: String?
        /// The Content-Type header.
        var contentType: String?
        var hasBody = false
    }

    enum Verdict: Sendable, Hashable {
        case allowed
        /// The method is not one of those that the path takes.
        case methodNotAllowed(allowed: String)
        case unknownHost(String)
        case foreignOrigin(String)
        case tokenNeeded
        /// A body that is not said to be JSON.
        case notJSON
    }

    let address: AdminAddress
    let token: AdminToken
    /// `admin: { metrics: open }`
    let metricsOpen: Bool
    /// The machine's own name, which may stand in Host when it listens on every address.
    let machineName: String

    /// The first rule that is broken.
    func verdict(on request: Request) -> Verdict {
        if request.route.isChange {
            guard request.method == "POST" else { return .methodNotAllowed(allowed: "POST") }
        } else {
            guard request.method == "GET" || request.method == "HEAD" else {
                return .methodNotAllowed(allowed: "GET, HEAD")
            }
        }
        switch request.route {
        case .livez, .readyz: return .allowed
        case .metrics where metricsOpen: return .allowed
        default: break
        }
        let host = request.host ?? ""
        guard isKnown(host: host) else { return .unknownHost(host) }
        if let origin = request.origin, !isOwn(origin: origin, host: host) { return .foreignOrigin(origin) }
        let isFree = address.isLocal && !request.route.isChange
        guard isFree || token.matches(authorization: request.authorization) else { return .tokenNeeded }
        if request.route.isChange, request.hasBody, !Self.isJSON(request.contentType) { return .notJSON }
        return .allowed
    }

    /// `application/json` with any parameters (RFC 9110 §8.3.1).
    private static func isJSON(_ contentType: String?) -> Bool {
        let type = contentType?.prefix { $0 != ";" && $0 != " " && $0 != "\t" }
        return type?.lowercased() == "application/json"
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
