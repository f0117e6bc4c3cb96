import Foundation

/// Things that must not stand in finished code; each rule returns what it found, with its place.
enum LeftoverRules {
    /// Notes to oneself, in any kind of file. One with an owner, such as `TODO(#12)`, may stay.
    static func notes(in file: SourceFile) -> [String] {
        findings(file, file.lines) { line in
            markers.first { marker in
                guard let found = line.range(of: marker) else { return false }
                let before = line[..<found.lowerBound].last
                let after = line[found.upperBound...].first
                return before.map(isWordCharacter) != true && after.map(isWordCharacter) != true && after != "("
            }
        }
    }

    /// Ways to end the process on input: calls that never return, and forced tries, casts and unwraps.
    static func traps(in file: SourceFile) -> [String] {
        findings(file, file.code) { line in
            trapCalls.first { line.contains($0) } ?? forced(in: line)
        }
    }

    /// A forced operator as it is written, or nil: `!` right after a word or a closing bracket, but not `!=`.
    static func forced(in line: String) -> String? {
        let characters = Array(line)
        for (index, character) in characters.enumerated() where character == "!" && index > 0 {
            let before = characters[index - 1]
            let after = index + 1 < characters.count ? characters[index + 1] : " "
            guard isWordCharacter(before) || before == ")" || before == "]", after != "=" else { continue }
            let start = characters[..<index].lastIndex { !isWordCharacter($0) }.map { $0 + 1 } ?? 0
            return String(characters[start...index])
        }
        return nil
    }

    private static func findings(_ file: SourceFile, _ lines: [String], _ rule: (String) -> String?) -> [String] {
        lines.enumerated().compactMap { index, line in
            rule(line).map { "\(file.path):\(index + 1): \($0)" }
        }
    }

    private static func isWordCharacter(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }

    // Put together so that this file does not find itself.
    private static let markers = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
    private static let trapCalls = ["fatalError(", "preconditionFailure(", "unsafeBitCast(", "try!", "as!"]
}
