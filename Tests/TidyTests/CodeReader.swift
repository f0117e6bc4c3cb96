/// Blanks out comments and the contents of string literals, so that rules about code see code only.
///
/// It knows line comments, nested block comments, and plain, raw and multi-line strings. What stands inside an
/// interpolation counts as text; a rule that must see it cannot rely on this reader.
struct CodeReader {
    private enum State: Equatable {
        case code
        case blockComment(depth: Int)
        case string(hashes: Int, multiline: Bool)
    }

    private var state: State = .code

    /// The lines with everything removed that the compiler does not read as code.
    static func code(of lines: [String]) -> [String] {
        var reader = CodeReader()
        return lines.map { reader.read(Array($0)) }
    }

    private mutating func read(_ line: [Character]) -> String {
        var kept = ""
        var index = 0
        while index < line.count {
            switch state {
            case .code:
                if starts(line, index, "//") { return kept }
                index = readCode(line, index, into: &kept)
            case .blockComment(let depth):
                index = readComment(line, index, depth: depth)
            case .string(let hashes, let multiline):
                index = readString(line, index, hashes: hashes, multiline: multiline)
            }
        }
        if case .string(_, multiline: false) = state { state = .code }
        return kept
    }

    private mutating func readCode(_ line: [Character], _ index: Int, into kept: inout String) -> Int {
        if starts(line, index, "/*") {
            state = .blockComment(depth: 1)
            return index + 2
        }
        var quote = index
        while quote < line.count, line[quote] == "#" { quote += 1 }
        guard quote < line.count, line[quote] == "\"" else {
            kept.append(line[index])
            return index + 1
        }
        let multiline = starts(line, quote, "\"\"\"")
        state = .string(hashes: quote - index, multiline: multiline)
        kept.append("\"\"")
        return quote + (multiline ? 3 : 1)
    }

    private mutating func readComment(_ line: [Character], _ index: Int, depth: Int) -> Int {
        if starts(line, index, "/*") {
            state = .blockComment(depth: depth + 1)
            return index + 2
        }
        if starts(line, index, "*/") {
            state = depth == 1 ? .code : .blockComment(depth: depth - 1)
            return index + 2
        }
        return index + 1
    }

    private mutating func readString(_ line: [Character], _ index: Int, hashes: Int, multiline: Bool) -> Int {
        let marks = String(repeating: "#", count: hashes)
        if starts(line, index, "\\" + marks) { return index + 2 + hashes }
        let end = (multiline ? "\"\"\"" : "\"") + marks
        if starts(line, index, end) {
            state = .code
            return index + end.count
        }
        return index + 1
    }

    private func starts(_ line: [Character], _ index: Int, _ text: String) -> Bool {
        line[index...].starts(with: text)
    }
}
