import UsherConfiguration

extension RoutePattern {
    /// The matching part of a route's settings.
    init(_ settings: RouteSettings) {
        let host: Host =
            switch settings.match.host {
            case nil: .any
            case .exact(let name): .exact(name)
            case .below(let suffix): .suffix(suffix)
            }
        let path: Path =
            switch settings.match.path {
            case nil: .any
            case .exact(let path): .exact(path)
            case .prefix(let path): .prefix(path)
            }
        self.init(
            host: host, path: path, methods: settings.match.methods,
            headers: settings.match.headers.map { Header(name: $0.name, value: $0.value) })
    }
}
