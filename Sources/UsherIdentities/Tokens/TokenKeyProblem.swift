/// Why keys cannot be used; one line that follows the name of where they come from.
package struct TokenKeyProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
