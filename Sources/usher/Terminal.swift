import Foundation
import UsherConsole

/// What standard output is, which decides how text is written to it.
enum Terminal {
    static var isOutput: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Colours only on a terminal whose user has not switched them off (no-color.org).
    static var style: TextStyle {
        let isWanted = ProcessInfo.processInfo.environment["NO_COLOR"].map(\.isEmpty) ?? true
        return TextStyle(colour: self.isOutput && isWanted)
    }
}

/// A value as `--json` prints it: keys in order, easy to read.
func prettyJSON(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
