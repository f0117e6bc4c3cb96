/// What a request must look like for a route to apply; without conditions every request does.
package struct RoutePattern: Sendable, Hashable {
    /// Which hosts; letter case, a port and one trailing dot never matter.
    package enum Host: Sendable, Hashable {
        case any
        /// This name or address only.
        case exact(String)
        /// Every name below this one, at any depth, but not the name itself: `*.example.com` is
        /// `suffix("example.com")`.
        case suffix(String)
    }

    /// Which canonical paths; letter case matters.
    package enum Path: Sendable, Hashable {
        /// Any target, `*` too.
        case any
        /// This path only; `/a` is not `/a/`.
        case exact(String)
        /// This path and everything below it: `/v1/*` is `prefix("/v1")` and matches `/v1`, `/v1/` and `/v1/x`.
        case prefix(String)
    }

    /// A field that must be there with exactly this value.
    package struct Header: Sendable, Hashable {
        /// Letter case does not matter.
        package var name: String
        /// Letter case matters.
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package var host: Host
    package var path: Path
    /// Empty: every method. Letter case matters, as in RFC 9110 section 9.1.
    package var methods: [String]
    /// All of them must match.
    package var headers: [Header]

    package init(host: Host = .any, path: Path = .any, methods: [String] = [], headers: [Header] = []) {
        self.host = host
        self.path = path
        self.methods = methods
        self.headers = headers
    }
}

extension RoutePattern.Host {
    /// Reads the spelling of the configuration: `example.com`, `*.example.com`, or `*` for any.
    package init(text: String) {
        if text == "*" {
            self = .any
        } else if text.hasPrefix("*.") {
            self = .suffix(String(text.dropFirst(2)))
        } else {
            self = .exact(text)
        }
    }
}

extension RoutePattern.Path {
    /// Reads the spelling of the configuration: `/v1`, `/v1/*`, or `*` for any.
    package init(text: String) {
        if text == "*" {
            self = .any
        } else if text.hasSuffix("/*") {
            self = .prefix(String(text.dropLast(2)))
        } else {
            self = .exact(text)
        }
    }
}
