/// Where a replica answers; text form `127.0.0.1:9001`, `[::1]:9001`, `web.internal:80`, `unix:/run/web.sock`.
public enum ReplicaAddress: Sendable, Hashable, CustomStringConvertible {
    case ip(IPAddress, port: Int)
    /// A host name, resolved when a connection is made.
    case name(String, port: Int)
    case unix(path: String)

    /// The longest path that fits into a socket address (`sun_path` with its final zero). Unit: bytes.
    public static let unixPathMaximum = 107

    /// Ports are 1...65535; a Unix path is taken as written, absolute or not.
    public init(text: String) throws(TextProblem) {
        if text.hasPrefix("unix:") {
            self = .unix(path: try Self.unixPath(text.dropFirst(5)))
            return
        }
        let (host, portText) = try Self.hostAndPort(text)
        guard let port = decimal(portText, below: 65536), port > 0 else {
            throw TextProblem("the port of '\(shown(text))' must be a number from 1 to 65535")
        }
        if let address = IPAddress(text: host) {
            self = .ip(address, port: port)
            return
        }
        guard Self.isHostName(host) else {
            throw TextProblem("'\(shown(String(host)))' is neither an address nor a host name")
        }
        self = .name(host.lowercased(), port: port)
    }

    public var description: String {
        switch self {
        case .ip(let address, let port): address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        case .name(let name, let port): "\(name):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Refuses an empty path, one with a NUL and one that is too long for a socket.
    package static func unixPath(_ text: Substring) throws(TextProblem) -> String {
        guard !text.isEmpty else { throw TextProblem("needs a path behind unix:, such as unix:/run/web.sock") }
        guard !text.utf8.contains(0) else { throw TextProblem("the path must not contain a NUL") }
        guard text.utf8.count <= unixPathMaximum else {
            throw TextProblem(
                "the path has \(text.utf8.count) bytes, but a socket's path has at most \(unixPathMaximum)")
        }
        return String(text)
    }

    /// The part before the last colon without brackets, and the part behind it.
    package static func hostAndPort(_ text: String) throws(TextProblem) -> (host: Substring, port: Substring) {
        guard !text.contains("://") else {
            throw TextProblem("'\(shown(text))' has a scheme; write only the address, such as 127.0.0.1:9001")
        }
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw TextProblem("'\(shown(text))' lacks its ]") }
            let host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard host.contains(":"), IPAddress(text: host) != nil else {
                throw TextProblem("'\(shown(String(host)))' is not an IPv6 address")
            }
            guard rest.hasPrefix(":") else { throw TextProblem("needs a port: [\(host)]:9001") }
            return (host, rest.dropFirst())
        }
        guard let colon = text.lastIndex(of: ":") else { throw TextProblem("needs a port: \(shown(text)):9001") }
        let host = text[..<colon]
        let port = text[text.index(after: colon)...]
        guard !host.contains(":") else {
            throw TextProblem("an IPv6 address stands in brackets: [\(shown(String(host)))]:\(shown(String(port)))")
        }
        return (host, port)
    }

    /// Letters, digits, `-` and `_` in labels of at most 63 bytes, 253 in all.
    ///
    /// The last label is not a number, so that no broken address passes for a name (RFC 1123 §2.1).
    package static func isHostName(_ text: some StringProtocol) -> Bool {
        let bytes = Array(text.utf8.prefix(254))
        guard bytes.count <= 253 else { return false }
        let hyphen = UInt8(ascii: "-")
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for label in labels {
            guard (1...63).contains(label.count), label.first != hyphen, label.last != hyphen,
                label.allSatisfy(isHostNameByte)
            else { return false }
        }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return labels.last.map { !$0.allSatisfy(digits.contains) } ?? false
    }

    private static func isHostNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
