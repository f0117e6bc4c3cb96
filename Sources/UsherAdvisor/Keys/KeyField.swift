package import UsherCore

/// One thing of a request that a key can be made of.
package enum KeyField: Sendable, Hashable {
    case variable(Template.Variable)
    /// The country of the client's address, by a table.
    case country

    static let method = KeyField.variable(.method)
    static let host = KeyField.variable(.host)
    static let path = KeyField.variable(.path)
    static let address = KeyField.variable(.sourceAddress(prefix: nil))
    static let identity = KeyField.variable(.identity)
    static let language = KeyField.variable(.header("accept-language"))
    static let userAgent = KeyField.variable(.header("user-agent"))

    /// As `usher.yaml` names it in a template: `{path}`.
    package var template: String {
        switch self {
        case .variable(let variable): "{\(Self.name(of: variable))}"
        case .country: "{source-address}"
        }
    }

    /// How people read it.
    package var label: String { self == .country ? "country of \(template)" : template }

    private static func name(of variable: Template.Variable) -> String {
        switch variable {
        case .method: "method"
        case .host: "host"
        case .path: "path"
        case .identity: "identity"
        case .class: "class"
        case .route: "route"
        case .service: "service"
        case .pathSegment(let number): "path.\(number)"
        case .query(let name): "query.\(name)"
        case .header(let name): "header.\(name)"
        case .cookie(let name): "cookie.\(name)"
        case .claim(let name): "claim.\(name)"
        case .body(let names): "body.\(names.joined(separator: "."))"
        case .sourceAddress(let prefix): "source-address" + (prefix.map { "/\($0)" } ?? "")
        case .destinationAddress(let prefix): "destination-address" + (prefix.map { "/\($0)" } ?? "")
        }
    }

    /// Whether requests with equal values of `other` have equal values of this field, too.
    func follows(from other: KeyField) -> Bool {
        switch (self, other) {
        case (let left, let right) where left == right: true
        case (.country, .variable(.sourceAddress)): true
        case (.variable(.pathSegment), .variable(.path)): true
        case (.variable(.sourceAddress(let prefix)), .variable(.sourceAddress(let longer))):
            (prefix ?? 128) <= (longer ?? 128)
        default: false
        }
    }
}
