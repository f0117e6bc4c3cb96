import Foundation
import Testing

@Suite("Tidiness")
struct TidyTests {
    @Test("the walk finds the repository")
    func walkFindsFiles() {
        #expect(SourceTree.swift.contains { $0.path == "Tests/TidyTests/TidyTests.swift" })
        #expect(SourceTree.swift.contains { $0.isSource })
    }

    @Test("files stay short, or say why they do not")
    func length() {
        report(SourceTree.swift.flatMap { LayoutRules.length(of: $0) })
    }

    @Test("a listed reason belongs to a file that still needs it")
    func reasonsAreNeeded() {
        for path in LayoutRules.reasonsForLength.keys.sorted() {
            let count = SourceTree.swift.first { $0.path == path }?.lineCount ?? 0
            #expect(count > LayoutRules.longestFileWithoutReason, "\(path) needs no reason any more")
        }
    }

    @Test("lines are at most 120 wide and end in no space; files end in one newline")
    func lines() {
        report(SourceTree.code.flatMap { LayoutRules.lines(of: $0) + LayoutRules.ending(of: $0) })
    }

    @Test("the main type of every source file says what it is for")
    func documentation() {
        report(SourceTree.swift.filter(\.isSource).flatMap(LayoutRules.documentation))
    }

    @Test("no note to oneself is left behind")
    func notes() {
        report(SourceTree.code.flatMap(LeftoverRules.notes))
    }

    @Test("nothing in Sources can end the process on input")
    func traps() {
        report(SourceTree.swift.filter(\.isSource).flatMap(LeftoverRules.traps))
    }

    @Test("relative links in the pages lead somewhere")
    func links() {
        report(SourceTree.pages.flatMap(LinkRules.brokenLinks))
    }

    private func report(_ found: [String], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(found.isEmpty, "\n\(found.joined(separator: "\n"))", sourceLocation: sourceLocation)
    }
}
