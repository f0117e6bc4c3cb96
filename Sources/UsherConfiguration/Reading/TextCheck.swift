import UsherCore

/// Finds characters that YAML has no place for, before a parser stumbles over them with a vaguer message.
enum TextCheck {
    static func problem(in text: String, file: String) -> ConfigurationProblem? {
        var position = ConfigurationNode.Position(line: 1, column: 1)
        for scalar in text.unicodeScalars {
            if scalar == "\n" {
                position.line += 1
                position.column = 1
                continue
            }
            if let name = refused(scalar) {
                return YAMLDocument.problem("has \(name), which is not allowed here", at: position, file: file)
            }
            position.column += 1
        }
        return nil
    }

    private static func refused(_ scalar: UnicodeScalar) -> String? {
        switch scalar.value {
        case 0x09, 0x0D: nil
        case 0x00...0x1F, 0x7F...0x9F: "the control character U+\(hexadecimal(scalar))"
        // Our own stand-in for `*`, and characters that make text look like other text.
        case YAMLDocument.star.value: "the private-use character U+\(hexadecimal(scalar))"
        case 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: "the invisible character U+\(hexadecimal(scalar))"
        case 0xFFFE, 0xFFFF: "the non-character U+\(hexadecimal(scalar))"
        default: nil
        }
    }

    private static func hexadecimal(_ scalar: UnicodeScalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
