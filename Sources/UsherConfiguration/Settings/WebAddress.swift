public import UsherCore

/// An `http` or `https` URL as far as it is needed to fetch something: where, which host, which target.
public struct WebAddress: Sendable, Hashable {
    public var isSecure: Bool
    public var address: ReplicaAddress
    /// As the Host field wants it.
    public var host: String
    /// Path and query.
    public var target: String

    /// Nil when the text is no such URL, or has a user or a fragment.
    public init?(_ text: String) {
        guard let scheme = text.firstRange(of: "://") else { return nil }
        switch text[..<scheme.lowerBound].lowercased() {
        case "http": isSecure = false
        case "https": isSecure = true
        default: return nil
        }
        let rest = text[scheme.upperBound...]
        let slash = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        host = String(rest[..<slash])
        target = rest[slash...].hasPrefix("/") ? String(rest[slash...]) : "/" + rest[slash...]
        guard target.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !target.contains("#"), !host.contains("@") else {
            return nil
        }
        let hasPort = host.hasSuffix("]") ? false : host.contains(":")
        guard let address = try? ReplicaAddress(text: hasPort ? host : "\(host):\(isSecure ? 443 : 80)"),
            !host.isEmpty
        else { return nil }
        if case .unix = address { return nil }
        self.address = address
    }

    static func problem(of text: String) -> String? {
        guard let address = WebAddress(text) else {
            return "'\(shown(text))' is not a URL that could be fetched, such as https://id.example.com/jwks.json"
        }
        guard !address.isSecure, case .ip(let ip, _) = address.address, ip.isLoopback else {
            return address.isSecure ? nil : "'\(shown(text))' is not https; whoever sits between could hand out keys"
        }
        return nil
    }
}
