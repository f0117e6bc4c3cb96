import Foundation
import Testing
import UsherConfiguration

/// What the pages show must work when somebody copies it.
@Suite struct DocumentedConfigurationTests {
    @Test("there are configurations in the pages")
    func blocksAreFound() {
        let pages = Set(DocumentedBlock.all.map(\.page))
        #expect(pages.isSuperset(of: ["README.md", "replicated.md", "sessions.md"]))
    }

    @Test("every configuration in the pages can be used", arguments: DocumentedBlock.all)
    func pages(block: DocumentedBlock) throws {
        _ = try ConfigurationReader.read(text: block.configuration, file: "/u.yaml", environment: [:])
    }

    @Test(
        "every example's configuration can be used",
        arguments: ["quickstart", "replicated", "sessions", "quotas", "caching", "sharded", "sharded-cache"])
    func examples(name: String) throws {
        let file = DocumentedBlock.root.appending(path: "examples/\(name)/usher.yaml").path
        _ = try ConfigurationReader.read(file: file, environment: [:])
    }
}

/// One ```yaml block of a page.
struct DocumentedBlock: Sendable, CustomTestStringConvertible {
    var page: String
    var line: Int
    var text: String

    var testDescription: String { "\(page):\(line)" }

    /// The block as a whole file: keys of a service alone stand below a service.
    var configuration: String {
        if text.contains("services:") { return text }
        let replicas = text.contains("replicas:") ? "" : "    replicas: [127.0.0.1:9001, 127.0.0.1:9002]\n"
        let keys = text.split(separator: "\n").map { "    \($0)\n" }.joined()
        return "services:\n  web:\n\(replicas)\(keys)"
    }

    static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Of the README and everything below `docs`.
    static let all: [DocumentedBlock] = {
        let walker = FileManager.default.enumerator(at: root.appending(path: "docs"), includingPropertiesForKeys: nil)
        let pages = (walker?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "md" }
        return ([root.appending(path: "README.md")] + pages).flatMap(blocks(of:))
    }()

    private static func blocks(of page: URL) -> [DocumentedBlock] {
        guard let text = try? String(contentsOf: page, encoding: .utf8) else { return [] }
        var blocks: [DocumentedBlock] = []
        var isInside = false
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix("```") {
                isInside = line == "```yaml"
                if isInside { blocks.append(DocumentedBlock(page: page.lastPathComponent, line: number + 1, text: "")) }
            } else if isInside {
                blocks[blocks.count - 1].text += line + "\n"
            }
        }
        return blocks
    }
}
