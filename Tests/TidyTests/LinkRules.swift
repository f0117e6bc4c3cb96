import Foundation

/// Finds links of a Markdown page to files that are not there.
enum LinkRules {
    static func brokenLinks(in page: SourceFile) -> [String] {
        page.lines.enumerated().flatMap { index, line in
            targets(in: line).compactMap { target in
                let folder = (page.path as NSString).deletingLastPathComponent
                let path = ((folder as NSString).appendingPathComponent(target) as NSString).standardizingPath
                return SourceTree.exists(path) ? nil : "\(page.path):\(index + 1): \(target) leads nowhere"
            }
        }
    }

    /// The relative targets of a line's inline links, without their fragments.
    static func targets(in line: String) -> [String] {
        line.components(separatedBy: "](").dropFirst().compactMap { rest in
            guard let end = rest.firstIndex(of: ")") else { return nil }
            let target = rest[..<end].prefix { $0 != "#" }
            return target.isEmpty || target.contains(":") ? nil : String(target)
        }
    }
}
