package import UsherCore

/// Reads a list of requests from text: a line each, `GET /path`, `/path`, or a URL of the same server.
///
/// Empty lines and lines that begin with `#` are passed over.
package enum URLFile {
    /// What is wrong in one line.
    package struct Problem: Error, Sendable, Hashable {
        /// Counted from 1.
        package var line: Int
        package var problem: TextProblem
    }

    /// - Parameter method: of lines that name none.
    package static func read(
        _ text: String, server: LoadServer, method: String
    ) throws(Problem) -> TargetList {
        var list = TargetList()
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            do {
                guard list.add(try target(words, server: server, method: method)) else { break }
            } catch {
                throw Problem(line: index + 1, problem: error)
            }
        }
        return list
    }

    private static func target(
        _ words: [Substring], server: LoadServer, method: String
    ) throws(TextProblem) -> LoadTarget {
        guard words.count <= 2, let last = words.last else {
            throw TextProblem("a line is a method and a path, or a URL alone: GET /path")
        }
        let named = words.count == 2 ? String(words[0]) : method
        guard FieldText.isToken(named) else { throw TextProblem("'\(named)' is not a method") }
        if last.hasPrefix("/") {
            return LoadTarget(method: named, target: try LoadURL.target(last))
        }
        let url = try LoadURL(text: String(last))
        guard url.server == server else {
            throw TextProblem("'\(last)' is of another server than \(server.origin); load goes to one server")
        }
        return LoadTarget(method: named, target: url.target)
    }
}
