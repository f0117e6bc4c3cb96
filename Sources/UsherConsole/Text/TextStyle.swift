/// What a colour says.
package enum TextColour: String, Sendable {
    case none = ""
    case good = "32"
    case warning = "33"
    case bad = "31"
    /// What is beside the point.
    case faint = "2"
}

/// How text is written for people: colours, width, and the time where they are.
package struct TextStyle: Sendable {
    /// Only for a terminal. Default: off.
    package var colour: Bool
    /// Sentences are broken before this column. Unit: characters. Default: 100.
    package var width: Int
    package var time: LocalTime

    package init(colour: Bool = false, width: Int = 100, time: LocalTime = LocalTime()) {
        self.colour = colour
        self.width = width
        self.time = time
    }

    /// A sentence of the server's as a command prints it.
    package func sentence(_ text: String) -> String {
        wrapped(text, indent: 0)
    }

    func coloured(_ text: String, _ colour: TextColour) -> String {
        guard self.colour, colour != .none, !text.isEmpty else { return text }
        return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
    }

    /// Breaks a text between words where it would pass `width`, the first line beginning behind `indent` characters.
    func wrapped(_ text: String, _ colour: TextColour = .none, indent: Int) -> String {
        // Beside a very wide table some room is left all the same.
        let room = max(width - indent, 30)
        var lines: [String] = []
        var line = ""
        for word in Self.printable(text).split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > room {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        lines.append(line)
        return lines.map { coloured($0, colour) }.joined(separator: "\n" + String(repeating: " ", count: indent))
    }

    /// Without control characters, which could move a terminal's cursor or change what stands above.
    package static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "\u{fffd}" : $0 }))
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
