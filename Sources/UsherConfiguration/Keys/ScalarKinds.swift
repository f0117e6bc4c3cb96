import FoundationEssentials
import UsherCore

extension Kind where Value == Int {
    /// A whole number without quotes.
    static func int(_ range: ClosedRange<Int>) -> Kind {
        let number = JSON.members([
            "type": .string("integer"), "minimum": .int(range.lowerBound), "maximum": .int(range.upperBound),
        ])
        return Kind(
            schema: .members(["anyOf": .array([number, .variable])]),
            read: { node, reading in
                guard let (text, isPlain) = reading.text(of: node) else { return nil }
                // Signs other than a minus, spaces and other scripts' digits are not what YAML calls a number.
                let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
                let isNumber = isPlain && !digits.isEmpty && digits.utf8.allSatisfy { (48...57).contains($0) }
                guard isNumber else {
                    reading.note("'\(shown(text))' is not a whole number", at: node.position)
                    return nil
                }
                guard let number = Int(text), range.contains(number) else {
                    reading.note(
                        "\(shown(text)) is out of range: \(range.lowerBound) to \(range.upperBound)", at: node.position)
                    return nil
                }
                return number
            }, write: JSON.int)
    }
}

extension Kind where Value == Bool {
    static var bool: Kind {
        Kind(
            schema: .members(["anyOf": .array([.members(["type": .string("boolean")]), .variable])]),
            read: { node, reading in
                guard let (text, isPlain) = reading.text(of: node) else { return nil }
                switch isPlain ? text : "" {
                case "true": return true
                case "false": return false
                default:
                    reading.note("'\(shown(text))' is neither true nor false", at: node.position)
                    return nil
                }
            }, write: JSON.bool)
    }
}

extension Kind where Value == String {
    /// Any text; numbers and truth values are taken as they are written.
    static var text: Kind {
        Kind(
            schema: .members(["type": .strings(["string", "number", "boolean"])]),
            read: { node, reading in reading.text(of: node)?.text }, write: JSON.string)
    }

    /// A file or folder, made absolute.
    static var path: Kind {
        parsed(pattern: ".+") { text, reading throws(TextProblem) in
            guard !text.isEmpty else { throw TextProblem("is an empty path") }
            guard !text.utf8.contains(0) else { throw TextProblem("a path must not contain a NUL") }
            guard text.utf8.count < 4096 else { throw TextProblem("the path is longer than 4095 bytes") }
            return absolutePath(text, in: reading.folder)
        } write: {
            $0
        }
    }

    /// A method or a field name (RFC 9110 §5.6.2).
    static func token(_ what: String) -> Kind {
        parsed(pattern: "[-!#$%&'*+.^_`|~0-9A-Za-z]+") { text, _ throws(TextProblem) in
            guard isToken(text) else { throw TextProblem("'\(shown(text))' cannot be \(what)") }
            return text
        } write: {
            $0
        }
    }
}

extension Kind where Value == Duration {
    static func duration(_ range: ClosedRange<Duration>) -> Kind {
        parsed(pattern: "[0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d)") { text, _ throws(TextProblem) in
            try inRange(Duration(text: text), range, \.text)
        } write: {
            $0.text
        }
    }
}

extension Kind where Value == ByteCount {
    static func bytes(_ range: ClosedRange<ByteCount>) -> Kind {
        parsed(pattern: "[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)") { text, _ throws(TextProblem) in
            try inRange(ByteCount(text: text), range, \.description)
        } write: {
            $0.description
        }
    }
}

extension Kind where Value == ByteCount? {
    /// The largest body: any up to 1 PiB, or `none` for no limit.
    static var bytesOrNone: Kind {
        Kind<ByteCount>.bytes(ByteCount(bytes: 0)...(.gibibytes(1 << 20))).orNone()
    }
}

extension Kind where Value == ByteRate {
    static func byteRate(_ range: ClosedRange<ByteRate>) -> Kind {
        parsed(pattern: "[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)/s") { text, _ throws(TextProblem) in
            try inRange(ByteRate(text: text), range, \.description)
        } write: {
            $0.description
        }
    }
}

extension Kind where Value == Rate {
    static func rate(atMost maximum: Int) -> Kind {
        parsed(pattern: "[0-9]+/(s|min|h|d)") { text, _ throws(TextProblem) in
            let rate = try Rate(text: text)
            guard rate.count <= maximum else { throw TextProblem("\(rate) is out of range: at most \(maximum)") }
            return rate
        } write: {
            $0.description
        }
    }
}

extension Kind where Value == Share {
    static func share(_ range: ClosedRange<Share>) -> Kind {
        parsed(pattern: "[0-9]+(\\.[0-9]+)?%") { text, _ throws(TextProblem) in
            try inRange(Share(text: text), range, \.description)
        } write: {
            $0.description
        }
    }
}

extension Kind where Value == Template {
    /// A text with places for a request's values: printable, and of variables that this version can fill.
    static var line: Kind { line(bareNames: false) }

    /// With `bareNames`, text without braces is a variable's name.
    ///
    /// - Parameter allowsBody: it is filled where the body can be read first.
    static func line(bareNames: Bool, allowsBody: Bool = false) -> Kind {
        Kind(
            schema: Kind<String>.text.schema,
            read: { node, reading in
                guard let text = Kind<String>.text.read(node, reading) else { return nil }
                guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                    reading.note("must not contain line breaks or other control characters", at: node.position)
                    return nil
                }
                do throws(TextProblem) {
                    let template = try Template(text: text, bareNames: bareNames)
                    if !allowsBody { noteUnavailable(in: template, at: node, reading) }
                    return template
                } catch {
                    reading.note(error.message, at: node.position)
                    return nil
                }
            }, write: { .string($0.description) })
    }

    private static func noteUnavailable(in template: Template, at node: ConfigurationNode, _ reading: Reading) {
        for case .variables(let variables) in template.parts {
            for word in variables.compactMap(\.unavailableWord) {
                reading.note(
                    "{\(shown(word))} is read for the key of a sharded service alone, not here", at: node.position)
            }
        }
    }
}

extension Template.Variable {
    /// How the variable is written when it needs a request's body, which is read in few places.
    fileprivate var unavailableWord: String? {
        switch self {
        case .body(let keys): "body.\(keys.joined(separator: "."))"
        default: nil
        }
    }
}

extension Kind where Value == Int {
    /// A moment as RFC 3339 writes it, in seconds since the Unix epoch.
    static var instant: Kind {
        parsed(pattern: "[0-9]{4}-[0-9]{2}-[0-9]{2}T.+") { text, _ throws(TextProblem) in
            guard let date = try? Date(text, strategy: .iso8601) else {
                throw TextProblem("'\(shown(text))' is not a moment; write it as \"2026-12-01T00:00:00Z\"")
            }
            return Int(date.timeIntervalSince1970)
        } write: { seconds in
            Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
        }
    }
}

private func inRange<Value: Comparable>(
    _ value: Value, _ range: ClosedRange<Value>, _ text: (Value) -> String
) throws(TextProblem) -> Value {
    guard range.contains(value) else {
        throw TextProblem("\(text(value)) is out of range: \(text(range.lowerBound)) to \(text(range.upperBound))")
    }
    return value
}
