import UsherAdvisor

/// A line that was read, with its texts.
struct ReadLine {
    let entry: LogEntry
    private let bytes: [UInt8]

    init?(_ line: String) {
        var bytes = Array(line.utf8)
        var reader = LogLineReader()
        guard let entry = reader.read(&bytes, 0..<bytes.count) else { return nil }
        self.entry = entry
        self.bytes = bytes
    }

    var method: String { text(entry.method) }
    var path: String { text(entry.path) }
    var query: String { text(entry.query) }
    var host: String { text(entry.host) }
    var identity: String { text(entry.identity) }
    var language: String { text(entry.language) }
    var userAgent: String { text(entry.userAgent) }
    var cookies: String { text(entry.cookies) }
    var tag: String { text(entry.tag) }

    private func text(_ place: Range<Int>) -> String { String(decoding: bytes[place], as: UTF8.self) }
}

extension ReadLine: Equatable {
    static func == (left: ReadLine, right: ReadLine) -> Bool { left.bytes == right.bytes }
}
