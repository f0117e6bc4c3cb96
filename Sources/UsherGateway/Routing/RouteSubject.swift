/// What the router asks of a request; the bytes stay where they are.
package protocol RouteSubject {
    /// The host without its port, in any letter case; empty when the request has none.
    func withHost<Result>(_ body: (Span<UInt8>) -> Result) -> Result
    /// The canonical path, without the query.
    func withPath<Result>(_ body: (Span<UInt8>) -> Result) -> Result
    func withMethod<Result>(_ body: (Span<UInt8>) -> Result) -> Result
    /// Whether a field of this name, given in lower case, has exactly this value.
    func headerEquals(name: [UInt8], value: [UInt8]) -> Bool
}

/// A request that is only described, for `usher explain` when it reads the file itself.
package struct RouterInput: RouteSubject, Sendable {
    private let host: [UInt8]
    private let path: [UInt8]
    private let method: [UInt8]
    private let headers: [(name: [UInt8], value: [UInt8])]

    /// `host` without a port, `path` canonical.
    package init(host: String, path: String, method: String = "GET", headers: [(name: String, value: String)] = []) {
        self.host = Array(host.utf8)
        self.path = Array(path.utf8)
        self.method = Array(method.utf8)
        self.headers = headers.map { (name: $0.name.utf8.map(asciiLowercase), value: Array($0.value.utf8)) }
    }

    package func withHost<Result>(_ body: (Span<UInt8>) -> Result) -> Result { body(host.span) }
    package func withPath<Result>(_ body: (Span<UInt8>) -> Result) -> Result { body(path.span) }
    package func withMethod<Result>(_ body: (Span<UInt8>) -> Result) -> Result { body(method.span) }

    package func headerEquals(name: [UInt8], value: [UInt8]) -> Bool {
        headers.contains { $0.name == name && $0.value == value }
    }
}
