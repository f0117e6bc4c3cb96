internal import FoundationEssentials

/// Reads what a request was from a line of an access log: Usher's JSON, or the combined format of most servers.
package enum AccessLogLine {
    /// Longer lines are passed over. Unit: bytes.
    package static let lengthMax = 65_536

    /// Nil for a line that tells of no request that can be sent again.
    package static func target(_ line: Substring) -> LoadTarget? {
        guard line.utf8.count <= lengthMax, let first = line.utf8.first else { return nil }
        let target = first == UInt8(ascii: "{") ? json(line) : combined(line)
        guard let target, FieldText.isToken(target.method), target.method != "CONNECT" else { return nil }
        guard FieldText.isTarget(target.target), target.host.map(FieldText.isTarget) ?? true else { return nil }
        return target
    }

    private struct Members: Decodable {
        var method: String
        var path: String
        var query: String?
        var host: String?
    }

    private static func json(_ line: Substring) -> LoadTarget? {
        guard let members = try? JSONDecoder().decode(Members.self, from: Data(line.utf8)) else { return nil }
        let query = members.query.map { $0.isEmpty ? "" : "?" + $0 } ?? ""
        let host = members.host.flatMap { $0.isEmpty ? nil : $0 }
        return LoadTarget(method: members.method, target: members.path + query, host: host)
    }

    /// The request line stands in the first quotes.
    private static func combined(_ line: Substring) -> LoadTarget? {
        guard let open = line.firstIndex(of: "\"") else { return nil }
        var text = ""
        var isEscaped = false
        for character in line[line.index(after: open)...] {
            if isEscaped {
                // Of a byte that was written as `\xXX` nobody knows here how it was sent.
                guard character == "\"" || character == "\\" else { return nil }
                text.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                let words = text.split(separator: " ", omittingEmptySubsequences: false)
                guard words.count == 3, words[2].hasPrefix("HTTP/") else { return nil }
                return LoadTarget(method: String(words[0]), target: String(words[1]))
            } else {
                text.append(character)
            }
        }
        return nil
    }
}

/// The requests of a whole access log.
package struct Replay: Sendable {
    package var targets = TargetList()
    /// Lines that tell of no request that can be sent again.
    package var unreadable = 0
    /// Requests that may change something, left out unless they were asked for.
    package var unsafe = 0
    /// Lines behind the last one for which there was room.
    package var beyond = 0

    /// - Parameter allowsUnsafe: whether requests other than GET and HEAD are taken, too; their bodies are not known.
    package init(_ text: String, allowsUnsafe: Bool) {
        for line in text.split(whereSeparator: \.isNewline) {
            guard let target = AccessLogLine.target(line) else {
                unreadable += 1
                continue
            }
            guard target.isSafe || allowsUnsafe else {
                unsafe += 1
                continue
            }
            if !targets.add(target) { beyond += 1 }
        }
    }

    /// What was left out, as a sentence; nil when nothing was.
    package var leftOut: String? {
        var parts: [String] = []
        if unreadable > 0 { parts.append("\(unreadable) without a request that can be sent again") }
        if unsafe > 0 { parts.append("\(unsafe) that are neither GET nor HEAD (--unsafe sends them)") }
        if beyond > 0 { parts.append("\(beyond) beyond the first \(TargetList.countMax)") }
        return parts.isEmpty ? nil : "left out lines of the log: " + parts.joined(separator: ", ")
    }
}
