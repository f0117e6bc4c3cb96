/// Reads a list of entries strictly: every problem at once, or all of them.
///
/// A long list is read piece by piece, so that a hundred thousand entries are never YAML nodes all at once.
struct CredentialList<Entry: CredentialEntry> {
    /// An entry and where it begins.
    struct Item {
        var entry: Entry
        var position: ConfigurationNode.Position
    }

    /// In one file; a million take some 200 MB.
    static var mostEntries: Int { 1_000_000 }
    /// More are not looked for: a file of something else has nothing but problems.
    static var mostProblems: Int { 1000 }

    let file: String
    let kind: Kind<Entry>

    func read(_ text: String) throws(ConfigurationProblems) -> [Item] {
        let reading = Reading(file: file, folder: "", environment: [:])
        var items: [Item] = []
        var lines: [Entry.Unique: Int] = [:]
        var position = 0
        for piece in CredentialPieces(text) {
            let nodes: [ConfigurationNode]
            do throws(ConfigurationProblem) {
                nodes = try self.nodes(of: piece)
            } catch {
                // What stands behind it cannot be told.
                throw ConfigurationProblems(reading.problems + [error])
            }
            for node in nodes {
                if let item = read(node, index: position, reading, &lines) { items.append(item) }
                position += 1
                if position > Self.mostEntries {
                    reading.note("has more than \(Self.mostEntries) entries", at: node.position)
                }
                guard reading.problems.count < Self.mostProblems, position <= Self.mostEntries else {
                    throw ConfigurationProblems(reading.problems)
                }
            }
        }
        guard reading.problems.isEmpty else { throw ConfigurationProblems(reading.problems) }
        return items
    }

    /// Nil when it has a problem.
    private func read(
        _ node: ConfigurationNode, index: Int, _ reading: Reading, _ lines: inout [Entry.Unique: Int]
    ) -> Item? {
        reading.inside("[\(index)]") {
            let problems = reading.problems.count
            guard let entry = kind.read(node, reading), reading.problems.count == problems else { return nil }
            guard let earlier = lines.updateValue(node.position.line, forKey: entry.unique) else {
                return Item(entry: entry, position: node.position)
            }
            reading.inside(entry.uniqueKey) {
                reading.note(entry.repeatedMessage(line: earlier), at: node.position)
            }
            return nil
        }
    }

    private func nodes(of piece: CredentialPieces.Piece) throws(ConfigurationProblem) -> [ConfigurationNode] {
        let root: ConfigurationNode
        do throws(ConfigurationProblem) {
            root = try YAMLDocument.read(piece.text, file: file)
        } catch {
            var problem = error
            if problem.line > 0 { problem.line += piece.linesBefore }
            throw problem
        }
        if root.isEmpty { return [] }
        guard case .list(let nodes) = root.content else {
            let position = root.moved(down: piece.linesBefore).position
            throw YAMLDocument.problem(
                "must be a list with lines such as \(Entry.hint), not \(root.kindName)", at: position, file: file)
        }
        return piece.linesBefore == 0 ? nodes : nodes.map { $0.moved(down: piece.linesBefore) }
    }
}

extension ConfigurationNode {
    /// The same behind so many more lines.
    fileprivate func moved(down lines: Int) -> ConfigurationNode {
        var node = self
        node.position.line += lines
        switch content {
        case .scalar: break
        case .list(let elements): node.content = .list(elements.map { $0.moved(down: lines) })
        case .mapping(let entries):
            node.content = .mapping(
                entries.map { entry in
                    var entry = entry
                    entry.position.line += lines
                    entry.value = entry.value.moved(down: lines)
                    return entry
                })
        }
        return node
    }
}
