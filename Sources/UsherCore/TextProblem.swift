/// What is wrong with a written value, as one sentence part without the value's place.
public struct TextProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Lower-case, no full stop: `needs a unit: 250ms, 2s, 5m, 1h, 30d`.
    public var message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
