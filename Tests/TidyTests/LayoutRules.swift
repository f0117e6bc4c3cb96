/// Rules about the look of a file that no formatter enforces; each returns what is wrong, with its place.
enum LayoutRules {
    /// No file is longer than this, whatever its reason. Unit: lines.
    static let longestFile = 600
    /// A source file longer than this stands in `reasonsForLength`. Unit: lines.
    static let longestFileWithoutReason = 400
    /// Unit: characters.
    static let longestLine = 120

    /// Source files over `longestFileWithoutReason`, and why they are not two.
    static let reasonsForLength: [String: String] = [:]

    static func length(of file: SourceFile, reasons: [String: String] = reasonsForLength) -> [String] {
        let count = file.lineCount
        if count > longestFile { return ["\(file.path): \(count) lines; no file is longer than \(longestFile)"] }
        if file.isSource, count > longestFileWithoutReason, reasons[file.path] == nil {
            return ["\(file.path): \(count) lines; over \(longestFileWithoutReason) a reason must be listed"]
        }
        return []
    }

    static func lines(of file: SourceFile) -> [String] {
        file.lines.enumerated().flatMap { index, line in
            var found: [String] = []
            let place = "\(file.path):\(index + 1)"
            if line.count > longestLine { found.append("\(place): \(line.count) characters") }
            if line.last == " " || line.last == "\t" || line.last == "\r" { found.append("\(place): trailing space") }
            return found
        }
    }

    static func ending(of file: SourceFile) -> [String] {
        guard file.lines.last == "" else { return ["\(file.path): no newline at the end"] }
        return file.lines.dropLast().last == "" ? ["\(file.path): empty lines at the end"] : []
    }

    /// The file's first type must say what it is for; a file without a type must document something.
    static func documentation(of file: SourceFile) -> [String] {
        let code = file.code
        guard let declaration = code.firstIndex(where: declaresType) else {
            let isDocumented = file.lines.contains { $0.hasPrefix("///") || $0.hasPrefix("    ///") }
            return isDocumented ? [] : ["\(file.path): nothing has a doc comment"]
        }
        var above = declaration - 1
        while above >= 0, code[above].hasPrefix("@") || code[above].hasPrefix("#if") { above -= 1 }
        if above >= 0, file.lines[above].hasPrefix("///") { return [] }
        return ["\(file.path):\(declaration + 1): the file's main type has no doc comment"]
    }

    /// Whether an unindented line begins a type that others see; extensions and private helpers do not count.
    static func declaresType(_ line: String) -> Bool {
        for word in line.split(separator: " ", omittingEmptySubsequences: false) {
            if typeKinds.contains(word) { return true }
            guard modifiers.contains(word) || word.hasPrefix("@") else { return false }
        }
        return false
    }

    private static let typeKinds: Set<Substring> = ["struct", "class", "enum", "actor", "protocol"]
    private static let modifiers: Set<Substring> = [
        "public", "package", "internal", "final", "indirect", "nonisolated",
    ]
}
