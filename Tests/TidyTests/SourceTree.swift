import Foundation
import Testing

/// One text file of the repository, cut into lines.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// From the repository's root, such as `Sources/UsherCore/IPAddress.swift`.
    let path: String
    let lines: [String]

    init(path: String, text: String) {
        self.path = path
        self.lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    var testDescription: String { path }

    /// The target the file belongs to: the folder below `Sources` or `Tests`.
    var module: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : ""
    }

    var isSource: Bool { path.hasPrefix("Sources/") }
    var isSwift: Bool { path.hasSuffix(".swift") }

    /// Lines as an editor counts them: a final newline begins no further line.
    var lineCount: Int { lines.last == "" ? lines.count - 1 : lines.count }

    /// The file's code alone, line by line.
    var code: [String] { CodeReader.code(of: lines) }
}

/// The repository's own files, without what is built, fetched or generated.
enum SourceTree {
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Everything below the folder with one of the endings, in a fixed order.
    static func files(in folder: String, endings: Set<String>) -> [SourceFile] {
        let start = root.appending(path: folder)
        guard let walker = FileManager.default.enumerator(at: start, includingPropertiesForKeys: nil) else { return [] }
        var files: [SourceFile] = []
        for case let url as URL in walker where endings.contains(url.pathExtension) {
            let relative = String(url.path.dropFirst(root.path.count)).drop { $0 == "/" }
            guard !relative.contains("/."), let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
            files.append(SourceFile(path: String(relative), text: text))
        }
        return files.sorted { $0.path < $1.path }
    }

    static let swift = files(in: "Sources", endings: ["swift"]) + files(in: "Tests", endings: ["swift"])

    /// All code, whatever its language.
    static let code = ["Sources", "Tests", "bench", "examples", "scripts"].flatMap {
        files(in: $0, endings: ["swift", "c", "h", "py", "sh", "lua"])
    }

    /// The pages that people read, of the root and of `docs` and `examples`.
    static var pages: [SourceFile] {
        let top = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        let own = top.filter { $0.hasSuffix(".md") }.sorted().compactMap { name in
            (try? String(contentsOf: root.appending(path: name), encoding: .utf8)).map {
                SourceFile(path: name, text: $0)
            }
        }
        return own + files(in: "docs", endings: ["md"]) + files(in: "examples", endings: ["md"])
    }

    /// Whether something stands at this path below the root.
    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }
}
