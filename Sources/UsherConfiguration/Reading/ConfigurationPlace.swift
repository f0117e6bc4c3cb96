/// The way to a value in a configuration, for problems that are found when the file was read already.
package struct ConfigurationPlace: Sendable, Hashable, CustomStringConvertible {
    package enum Step: Sendable, Hashable {
        case key(String)
        case index(Int)
    }

    package var steps: [Step]

    package init(_ steps: [Step]) {
        self.steps = steps
    }

    /// `listeners[0].tls`
    package var description: String {
        steps.reduce(into: "") { text, step in
            switch step {
            case .key(let key): text += (text.isEmpty ? "" : ".") + key
            case .index(let index): text += "[\(index)]"
            }
        }
    }

    /// The value itself; as near as can be when the file has changed since it was read.
    func position(in root: ConfigurationNode) -> ConfigurationNode.Position {
        var node = root
        for step in steps {
            switch (step, node.content) {
            case (.key(let key), .mapping(let entries)):
                guard let entry = entries.first(where: { $0.key == key }) else { return node.position }
                node = entry.value
            case (.index(let index), .list(let nodes)):
                guard nodes.indices.contains(index) else { return node.position }
                node = nodes[index]
            default:
                return node.position
            }
        }
        return node.position
    }
}

extension ConfigurationProblem {
    /// Looks up where in the file the place is.
    package init(_ place: ConfigurationPlace, in file: String, message: String) {
        let root = try? YAMLDocument.read(ConfigurationFile.text(of: file), file: file)
        let position = root.map { place.position(in: $0) }
        self.init(
            file: file, line: position?.line ?? 0, column: position?.column ?? 0, keyPath: "\(place)", message: message)
    }
}
