import NIOCore
import UsherCaching
import UsherHTTP

/// A URL that an operator wants purged, in the form in which requests for it are looked up.
struct PurgeURL {
    let target: Invalidation.Target
    let isSecure: Bool
    /// A request for it.
    let head: RequestHead

    /// Why a URL is none, as a sentence that says what to do.
    struct Fault: Error, Hashable {
        var sentence: String
    }

    /// - Parameter url: `http://host/path?query`, or the beginning of such.
    init(_ url: String) throws(Fault) {
        let example = "write it as clients ask for it: http://HOST/PATH"
        let shown = "'\(url.prefix(200))'"
        guard let end = url.firstRange(of: "://") else {
            throw Fault(sentence: "\(shown) is not a whole URL; \(example)")
        }
        switch url[..<end.lowerBound].lowercased() {
        case "http": self.isSecure = false
        case "https": self.isSecure = true
        default: throw Fault(sentence: "\(shown) is no URL of http or https; \(example)")
        }
        let rest = url[end.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty else { throw Fault(sentence: "\(shown) names no host; \(example)") }
        guard !rest.contains("#") else {
            throw Fault(sentence: "\(shown) has a fragment, which no request has; leave out '#' and what follows")
        }
        // They would end the head that is read here.
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            throw Fault(sentence: "\(shown) has a space or a control character; percent-encode it, a space as %20")
        }
        let path = rest[authority.endIndex...]
        let target = path.hasPrefix("/") ? String(path) : "/" + path
        // Read by who reads requests, so that nothing is understood in two ways.
        var text = ByteBuffer(string: "GET \(target) HTTP/1.1\r\nHost: \(authority)\r\n\r\n")
        let head = RequestHead()
        switch head.parse(&text, limits: HeadLimits(head: 1 << 16, requestLine: 1 << 16)) {
        case .complete: break
        case .refused(let refusal): throw Fault(sentence: "\(shown) could not be asked for: \(refusal.reason)")
        case .needsMore: throw Fault(sentence: "\(shown) could not be asked for; \(example)")
        }
        self.head = head
        let isSecure = self.isSecure
        self.target = Invalidation.Target(
            authority: head.withBytes(head.authority) { Invalidation.authority($0, isSecure: isSecure) },
            pathAndQuery: head.withBytes(head.target) { span in span.indices.map { span[$0] } })
    }

    /// What targets of caches begin with that this is the beginning of.
    var prefix: [UInt8] {
        Array((self.isSecure ? "https://" : "http://").utf8) + self.target.authority + self.target.pathAndQuery
    }
}
