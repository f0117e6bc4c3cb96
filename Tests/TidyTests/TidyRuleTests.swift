import Testing

/// The rules themselves, each shown text that breaks it and text that does not.
@Suite("Tidy rules")
struct TidyRuleTests {
    private func source(_ text: String) -> SourceFile {
        SourceFile(path: "Sources/UsherCore/Sample.swift", text: text)
    }

    @Test(
        "strings and comments are not code",
        arguments: [
            ("let a = 1 // b!", "let a = 1 "),
            ("let a = \"b!\"", "let a = \"\""),
            ("let a = \"x\\\"b!\" + c", "let a = \"\" + c"),
            ("let a = #\"b\\\"!\"# + c", "let a = \"\" + c"),
            ("a /* b! /* c! */ d! */ e", "a  e"),
            ("let p = #selector(x)", "let p = #selector(x)"),
        ])
    func codeOnly(line: String, code: String) {
        #expect(CodeReader.code(of: [line]) == [code])
    }

    @Test("a string or comment over several lines is not code")
    func codeOverLines() {
        let lines = ["let a = \"\"\"", "  b! \" c", "  \"\"\" + d", "/* e!", "f! */ g"]
        #expect(CodeReader.code(of: lines) == ["let a = \"\"", "", " + d", "", " g"])
    }

    @Test(
        "a forced operator is found",
        arguments: [
            ("let a = b!", "b!"), ("f(b!.c)", "b!"), ("a[0]!", "!"), ("f()!.x", "!"), ("var a: Int!", "Int!"),
        ])
    func forcedIsFound(line: String, found: String) {
        #expect(LeftoverRules.forced(in: line) == found)
    }

    @Test("a negation is not forced", arguments: ["if !a {", "a != b", "a!=b", "f(!a, ![b])", "&& !c.d"])
    func negationIsNotForced(line: String) {
        #expect(LeftoverRules.forced(in: line) == nil)
    }

    @Test("calls that end the process are found", arguments: ["fatalError(\"\")", "x = try! f()", "y as! Int"])
    func trapsAreFound(line: String) {
        #expect(LeftoverRules.traps(in: source(line)).count == 1)
        #expect(LeftoverRules.traps(in: source("// " + line)).isEmpty)
    }

    @Test("a note needs an owner")
    func notesNeedAnOwner() {
        let mark = "TO" + "DO"
        #expect(LeftoverRules.notes(in: source("// \(mark): later")).count == 1)
        #expect(LeftoverRules.notes(in: source("// \(mark)(#12): later")).isEmpty)
        #expect(LeftoverRules.notes(in: source("let \(mark)S = 1")).isEmpty)
    }

    @Test("length is judged by kind of file and by reason")
    func length() {
        func file(_ path: String, _ count: Int) -> SourceFile {
            SourceFile(path: path, text: String(repeating: "a\n", count: count))
        }
        #expect(LayoutRules.length(of: file("Sources/UsherCore/A.swift", 400), reasons: [:]).isEmpty)
        #expect(LayoutRules.length(of: file("Sources/UsherCore/A.swift", 401), reasons: [:]).count == 1)
        let reasons = ["Sources/UsherCore/A.swift": "one table"]
        #expect(LayoutRules.length(of: file("Sources/UsherCore/A.swift", 600), reasons: reasons).isEmpty)
        #expect(LayoutRules.length(of: file("Sources/UsherCore/A.swift", 601), reasons: reasons).count == 1)
        #expect(LayoutRules.length(of: file("Tests/UsherCoreTests/A.swift", 600), reasons: [:]).isEmpty)
        #expect(LayoutRules.length(of: file("Tests/UsherCoreTests/A.swift", 601), reasons: [:]).count == 1)
    }

    @Test("wide lines, trailing spaces and bad endings are found")
    func lines() {
        #expect(LayoutRules.lines(of: source(String(repeating: "a", count: 120) + "\n")).isEmpty)
        #expect(LayoutRules.lines(of: source(String(repeating: "a", count: 121) + "\n")).count == 1)
        #expect(LayoutRules.lines(of: source("a \nb\t\n")).count == 2)
        #expect(LayoutRules.ending(of: source("a\n")).isEmpty)
        #expect(LayoutRules.ending(of: source("a")).count == 1)
        #expect(LayoutRules.ending(of: source("a\n\n")).count == 1)
    }

    @Test("a type without a doc comment is found, attributes between them or not")
    func documentation() {
        #expect(LayoutRules.documentation(of: source("/// Says it.\npublic struct A {}\n")).isEmpty)
        #expect(LayoutRules.documentation(of: source("/// Says it.\n@frozen\npublic enum A {}\n")).isEmpty)
        #expect(LayoutRules.documentation(of: source("import B\n\npackage final class A {}\n")).count == 1)
        #expect(LayoutRules.documentation(of: source("// A note.\nactor A {}\n")).count == 1)
        #expect(LayoutRules.documentation(of: source("extension A {\n    /// Says it.\n    func b() {}\n}\n")).isEmpty)
        #expect(LayoutRules.documentation(of: source("extension A {\n    func b() {}\n}\n")).count == 1)
    }

    @Test("only relative links are followed, without their fragment")
    func links() {
        let line = "[a](b.md), [c](https://example.com/d), [e](#f), [g](../h/i.md#j)"
        #expect(LinkRules.targets(in: line) == ["b.md", "../h/i.md"])
        let page = SourceFile(path: "docs/page.md", text: "[a](../Package.swift) [b](../no-such-file)\n")
        #expect(LinkRules.brokenLinks(in: page) == ["docs/page.md:1: ../no-such-file leads nowhere"])
    }
}
