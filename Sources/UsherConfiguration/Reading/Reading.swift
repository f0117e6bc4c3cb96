import UsherCore

/// One pass over a document: where it is, what it found wrong, and what must be compared at its end.
///
/// Confinement: made, used and dropped inside one call of the reader.
final class Reading {
    struct Place: Hashable {
        var position: ConfigurationNode.Position
        var keyPath: String
    }

    let file: String
    /// Absolute; relative paths start there.
    let folder: String
    let environment: [String: String]

    private(set) var problems: [ConfigurationProblem] = []
    private var path: [String] = []
    /// What was named somewhere, to be looked up when all names are known.
    private(set) var references: [(kind: Reference, name: String, place: Place)] = []

    /// What a name can stand for.
    enum Reference {
        case service, quota, cache, callerClass
        /// A class, or one of a quota's own words.
        case quotaKey
    }

    init(file: String, folder: String, environment: [String: String]) {
        self.file = file
        self.folder = folder
        self.environment = environment
    }

    var keyPath: String { path.joined() }

    /// `component` is a key's name, or an index in brackets.
    func inside<Result>(_ component: String, _ body: () -> Result) -> Result {
        path.append(component.hasPrefix("[") || path.isEmpty ? component : "." + component)
        defer { path.removeLast() }
        return body()
    }

    func note(_ message: String, at position: ConfigurationNode.Position) {
        note(message, at: Place(position: position, keyPath: keyPath))
    }

    func note(_ message: String, at place: Place) {
        problems.append(
            ConfigurationProblem(
                file: file, line: place.position.line, column: place.position.column, keyPath: place.keyPath,
                message: message))
    }

    func refer(to kind: Reference, _ name: String, at position: ConfigurationNode.Position) {
        references.append((kind, name, Place(position: position, keyPath: keyPath)))
    }

    /// A scalar's text with its variables filled in; nil, and a problem, when there is none.
    func text(of node: ConfigurationNode) -> (text: String, isPlain: Bool)? {
        guard !node.isEmpty else {
            note("has no value", at: node.position)
            return nil
        }
        guard case .scalar(let text, let isPlain) = node.content else {
            note("must be a single value, not \(node.kindName)", at: node.position)
            return nil
        }
        do {
            guard let filled = try EnvironmentVariables.fill(text, from: environment) else { return (text, isPlain) }
            // Inside { } a variable must stand in quotes, so quotes say nothing about its type.
            return (filled, true)
        } catch {
            note(error.message, at: node.position)
            return nil
        }
    }
}
