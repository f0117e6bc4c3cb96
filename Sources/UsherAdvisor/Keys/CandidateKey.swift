internal import UsherCore

/// A key that could be used: the values of some fields in this order.
package struct CandidateKey: Sendable, Hashable {
    package let fields: [KeyField]

    /// - Parameter fields: what follows from another one is left out.
    init(_ fields: [KeyField]) {
        self.fields = fields.enumerated().filter { index, field in
            !fields.enumerated().contains { other, wider in
                other != index && field.follows(from: wider) && (!wider.follows(from: field) || other < index)
            }
        }
        .map(\.element)
        .sorted { Self.order($0) < Self.order($1) }
    }

    /// Equal for requests that agree in `other`, too: that one tells apart at least as much.
    func isCoarser(than other: CandidateKey) -> Bool {
        self != other && fields.allSatisfy { field in other.fields.contains { field.follows(from: $0) } }
    }

    /// What stands behind `key:` in `usher.yaml`: a template, or a list of parts as YAML.
    package var text: String {
        if fields.count == 1, fields != [.country] { return fields[0].template }
        return "[\(fields.map(Self.element).joined(separator: ", "))]"
    }

    /// The line for `usher.yaml`.
    package var line: String {
        fields.count == 1 && fields != [.country] ? "key: \(Self.quoted(text))" : "key: \(text)"
    }

    /// For people: `{source-address/24} + {path}`.
    package var label: String { fields.map(\.label).joined(separator: " + ") }

    private static func element(_ field: KeyField) -> String {
        field == .country
            ? "{ take: \(quoted(field.template)), normalise: [country] }" : quoted(field.template)
    }

    /// A name in it may hold what YAML would read as something else.
    static func quoted(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(escaped)\""
    }

    /// Who asks, then what is asked for, then the rest.
    private static func order(_ field: KeyField) -> Int {
        switch field {
        case .country, .variable(.sourceAddress): 0
        case .variable(.identity), .variable(.cookie): 1
        case .variable(.method): 2
        case .variable(.host): 3
        case .variable(.path): 4
        case .variable(.pathSegment(let number)): 4 + number
        default: 200
        }
    }
}
