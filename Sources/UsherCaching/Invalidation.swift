public import UsherHTTP

/// What an answer to a method that changes something makes invalid (RFC 9111 §4.4).
public enum Invalidation {
    /// A target as caches know it: authority in lower case without the scheme's own port, canonical path and query.
    public struct Target: Sendable, Hashable {
        public var authority: [UInt8]
        public var pathAndQuery: [UInt8]

        public init(authority: [UInt8], pathAndQuery: [UInt8]) {
            self.authority = authority
            self.pathAndQuery = pathAndQuery
        }
    }

    /// Whether a method may change what its target is, so that stored answers of it may be wrong; also one that is not
    /// known.
    public static func isUnsafe(_ method: Method) -> Bool { !method.isSafe }

    /// Whether an answer says that something was done: 2xx and 3xx.
    public static func happens(status: Int) -> Bool { (200..<400).contains(status) }

    /// The targets whose stored answers must no longer be used: the request's own first, then those that `Location` and
    /// `Content-Location` name on the same origin. References that cannot be read, and other origins, are left out, so
    /// that no service can empty another one's cache.
    public static func targets(_ request: RequestHead, _ answer: ResponseHead, isSecure: Bool) -> [Target] {
        let base = Target(
            authority: request.withBytes(request.authority) { authority($0, isSecure: isSecure) },
            pathAndQuery: request.withBytes(request.target) { [UInt8]($0) })
        guard !base.pathAndQuery.isEmpty else { return [] }
        var targets = [base]
        for field in answer.fields {
            let isReference =
                field.id == .location
                || (field.id == .other && answer.equalsIgnoringCase(field.name, "content-location"))
            guard isReference, targets.count < targetsMaximum else { continue }
            let named = answer.withBytes(field.value) { Reference.resolve($0, against: base, isSecure: isSecure) }
            if let named, !targets.contains(named) { targets.append(named) }
        }
        return targets
    }

    /// An answer has one of each field; further ones are not believed.
    static let targetsMaximum = 4

    /// A host and port in lower case, without the port that the scheme has anyway.
    public static func authority(_ bytes: Span<UInt8>, isSecure: Bool) -> [UInt8] {
        var name = Text.lowercased(bytes)
        let port: [UInt8] = Array((isSecure ? ":443" : ":80").utf8)
        if name.count > port.count, name.suffix(port.count).elementsEqual(port) { name.removeLast(port.count) }
        return name
    }
}
