/// Changes the text of a list and leaves the rest of it as it is, comments included.
///
/// Each change is tried in two ways: line by line, and, when the text then does not read as it should (the list stands
/// on one line, an anchor was in a removed entry), by writing the list anew below the comments at its top.
struct CredentialListEdit<Entry: CredentialEntry> {
    private typealias Item = CredentialList<Entry>.Item

    /// Lines without their line feeds; the last is empty when the text ends in one.
    private let lines: [Substring.UTF8View.SubSequence]
    private let text: String
    private let items: [Item]
    let entries: [Entry]

    /// Classes are not judged: an entry whose class is gone must be revocable.
    init(_ text: String, file: String) throws(ConfigurationProblems) {
        self.text = text
        items = try Self.list(file).read(text)
        entries = items.map(\.entry)
        lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }

    /// The text with one more entry at its end; nil when it cannot be made.
    func adding(_ entry: Entry) -> String? {
        let newline = isDOS ? "\r\n" : "\n"
        let gap = text.isEmpty || text.utf8.last == UInt8(ascii: "\n") ? "" : newline
        let indentation = String(repeating: " ", count: dashes?.first?.column ?? 0)
        let line = indentation + entry.line + newline
        return settled(text + gap + line, as: entries + [entry])
    }

    /// The text without any entry of this name; nil when it cannot be made.
    func removing(named name: String) -> String? {
        let kept = entries.filter { $0.name != name }
        return settled(withoutLines(of: name), as: kept)
    }

    /// The first of both ways that reads as it should.
    private func settled(_ edited: String?, as expected: [Entry]) -> String? {
        [edited, rewritten(expected)].lazy.compactMap { $0 }.first { candidate in
            (try? Self.list("").read(candidate))?.map(\.entry) == expected
        }
    }

    private static func list(_ file: String) -> CredentialList<Entry> {
        CredentialList(file: file, kind: Entry.kind(classes: nil))
    }

    // MARK: Line by line

    private struct Dash {
        /// From 0.
        var line: Int
        /// From 0.
        var column: Int
    }

    /// Where the entries begin; nil when that is not one line each, `- ` in the same column.
    private var dashes: [Dash]? {
        var dashes: [Dash] = []
        for item in items {
            let line = item.position.line - 1
            guard lines.indices.contains(line) else { return nil }
            let before = lines[line].prefix(item.position.column - 1)
            let column = before.prefix { $0 == UInt8(ascii: " ") }.count
            guard before.dropFirst(column).first == UInt8(ascii: "-"),
                before.dropFirst(column + 1).allSatisfy({ $0 == UInt8(ascii: " ") }),
                dashes.last.map({ $0.line < line && $0.column == column }) ?? true
            else { return nil }
            dashes.append(Dash(line: line, column: column))
        }
        return dashes
    }

    /// Comments and empty lines behind an entry belong to the next one.
    private func withoutLines(of name: String) -> String? {
        guard let dashes else { return nil }
        var removed = Set<Int>()
        for (index, item) in items.enumerated() where item.entry.name == name {
            let next = index + 1 < dashes.count ? dashes[index + 1].line : lines.count
            var end = next
            while end - 1 > dashes[index].line, isAside(lines[end - 1]) { end -= 1 }
            removed.formUnion(dashes[index].line..<end)
        }
        let kept = lines.indices.filter { !removed.contains($0) }.map { String(Substring(lines[$0])) }
        // Without its last line a text that did not end in a line feed would not end in one either.
        let isCut = removed.contains(lines.count - 1) && !kept.isEmpty
        return kept.joined(separator: "\n") + (isCut ? "\n" : "")
    }

    // MARK: Anew

    private func rewritten(_ entries: [Entry]) -> String {
        let newline = isDOS ? "\r\n" : "\n"
        let comments = lines.prefix { isAside($0) }.map { String(Substring($0)) }
        let head = comments.joined(separator: "\n") + (comments.isEmpty || comments.count == lines.count ? "" : "\n")
        return head + entries.map { $0.line + newline }.joined()
    }

    /// An empty line or a comment.
    private func isAside(_ line: Substring.UTF8View.SubSequence) -> Bool {
        let space = [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r")]
        guard let first = line.first(where: { !space.contains($0) }) else { return true }
        return first == UInt8(ascii: "#")
    }

    private var isDOS: Bool { lines.first?.last == UInt8(ascii: "\r") && lines.count > 1 }
}
