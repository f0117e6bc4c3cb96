/// Why something is malformed, in words that never hold bytes of it.
package struct StaticReason: Error, Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    package let text: StaticString

    package init(stringLiteral value: StaticString) {
        text = value
    }

    package var description: String { "\(text)" }

    package static func == (left: StaticReason, right: StaticReason) -> Bool {
        left.description == right.description
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(description)
    }
}
