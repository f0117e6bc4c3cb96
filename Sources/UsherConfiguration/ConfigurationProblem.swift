/// One thing that is wrong in a configuration, and where.
public struct ConfigurationProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file as it was named by whoever asked for it.
    public var file: String
    /// From 1; 0 when the problem is the file itself.
    public var line: Int
    /// From 1, counted in Unicode scalars.
    public var column: Int
    /// Such as `services.web.balance` or `routes[2].match.path`; empty at the top.
    public var keyPath: String
    /// Lower-case, no full stop, never more than one line.
    public var message: String

    public init(file: String, line: Int, column: Int, keyPath: String, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.keyPath = keyPath
        self.message = message
    }

    /// `usher.yaml:12:5: services.web.balance: unknown word 'rondom' (did you mean 'random'?)`
    public var description: String {
        let place = line > 0 ? "\(file):\(line):\(column): " : "\(file): "
        return place + (keyPath.isEmpty ? "" : "\(keyPath): ") + message
    }
}

/// Everything that is wrong in a configuration, in the order of the file; never empty.
public struct ConfigurationProblems: Error, Sendable, Hashable, CustomStringConvertible {
    public var problems: [ConfigurationProblem]

    public init(_ problems: [ConfigurationProblem]) {
        self.problems = problems.enumerated()
            .sorted {
                ($0.element.line, $0.element.column, $0.offset) < ($1.element.line, $1.element.column, $1.offset)
            }
            .map(\.element)
    }

    /// One problem a line.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
