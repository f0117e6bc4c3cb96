import Foundation
import Testing

@Suite("Import graph")
struct ImportGraphTests {
    @Test("every source file imports only what its target may")
    func importsAreAllowed() {
        let found = SourceTree.swift.filter(\.isSource).flatMap(ImportGraph.violations)
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test("arrows between targets go down only", arguments: ImportGraph.rules.keys.sorted())
    func arrowsGoDown(module: String) throws {
        let rule = try #require(ImportGraph.rules[module])
        for lower in rule.own {
            let layer = try #require(ImportGraph.rules[lower]?.layer, "\(lower) has no row")
            #expect(layer < rule.layer, "\(module) stands no higher than \(lower)")
        }
    }

    @Test("pure targets may import no network, no Foundation and no system module")
    func pureTargetsArePure() throws {
        for module in ImportGraph.pure {
            let rule = try #require(ImportGraph.rules[module])
            // Messages and bodies are bytes in buffers, which are values.
            let buffers: Set<String> = module == "UsherHTTP" || module == "UsherCaching" ? ["NIOCore"] : []
            #expect(rule.outside.isSubset(of: buffers), "\(module)")
            #expect(rule.own.isSubset(of: ImportGraph.pure), "\(module)")
        }
    }

    @Test("every row of the table is a folder, and every folder has a row")
    func tableMatchesFolders() throws {
        let folder = SourceTree.root.appending(path: "Sources").path
        let folders = try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }
        #expect(Set(folders) == Set(ImportGraph.rules.keys))
    }

    @Test(
        "an import is recognised in every spelling",
        arguments: [
            ("import NIOCore", "NIOCore"),
            ("public import UsherCore", "UsherCore"),
            ("@testable import UsherHTTP", "UsherHTTP"),
            ("@_spi(Testing) package import NIOPosix", "NIOPosix"),
            ("import struct Foundation.Data", "Foundation"),
            ("    import Yams.Node", "Yams"),
            ("import Glibc;", "Glibc"),
        ])
    func importIsRecognised(line: String, module: String) {
        #expect(ImportGraph.importedModule(in: line) == module)
    }

    @Test("what only looks like an import is none", arguments: ["", "imported()", "let import1 = 2", "// import NIO"])
    func otherLines(line: String) {
        let code = CodeReader.code(of: [line]).joined()
        #expect(ImportGraph.importedModule(in: code) == nil)
    }

    @Test("a forbidden import is reported with its place")
    func violationIsReported() {
        let bad = SourceFile(path: "Sources/UsherCore/Bad.swift", text: "import Foundation\nimport UsherHTTP\n")
        #expect(
            ImportGraph.violations(in: bad) == [
                "Sources/UsherCore/Bad.swift:1: UsherCore must not import Foundation",
                "Sources/UsherCore/Bad.swift:2: UsherCore must not import UsherHTTP",
            ])
    }

    @Test("a target without a row is reported")
    func unknownTarget() {
        let file = SourceFile(path: "Sources/UsherNew/New.swift", text: "import UsherCore\n")
        #expect(ImportGraph.violations(in: file) == ["UsherNew has no row in ImportGraph.rules"])
    }
}
