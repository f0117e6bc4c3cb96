internal import NIOCore

/// What is said before a connection can be used: HELLO with the password, SELECT, SCRIPT LOAD, all of it at once.
struct RedisGreeting {
    enum Step {
        case hello, select, load
    }

    enum Outcome {
        case unfinished
        /// The name under which the server knows the script: the SHA-1 of its text, as 40 hexadecimal digits.
        case ready(digest: ByteBuffer)
        case failed(RedisFailure)
    }

    /// Whose answers have not come, the last first.
    private var steps: [Step]
    private let settings: RedisSettings

    init(_ settings: RedisSettings) {
        self.settings = settings
        self.steps = settings.database == 0 ? [.load, .hello] : [.load, .select, .hello]
    }

    func write(script: String, to out: inout ByteBuffer) {
        var hello = ["HELLO", "3"]
        if self.settings.username != nil || self.settings.password != nil {
            hello += ["AUTH", self.settings.username ?? "default", self.settings.password ?? ""]
        }
        out.writeCommand(hello + ["SETNAME", "usher"])
        if self.settings.database != 0 { out.writeCommand(["SELECT", "\(self.settings.database)"]) }
        out.writeCommand(["SCRIPT", "LOAD", script])
    }

    mutating func answered(_ reply: RESPValue) -> Outcome {
        switch (self.steps.popLast(), reply) {
        case (.hello, .error(let words)) where words.hasPrefix("ERR unknown command") || words.hasPrefix("NOPROTO"):
            .failed(RedisFailure(.refused, "the server does not know HELLO 3; it takes Redis 6 or later, or Valkey"))
        case (.hello, .error(let words)):
            .failed(.refused(self.withoutSecret(words)))
        case (_, .error(let words)):
            .failed(.refused(words))
        case (.hello, .map), (.select, .simple):
            .unfinished
        case (.load, .bulk(let digest)) where Self.isDigest(digest):
            .ready(digest: digest)
        default:
            .failed(RedisFailure(.malformed, "the greeting got an answer that no Redis gives"))
        }
    }

    /// Servers quote what they did not understand, perhaps in part or with escapes: the password may be in it.
    private func withoutSecret(_ words: String) -> String {
        guard let password = self.settings.password else { return words }
        let mayQuote = words.contains(password) || words.contains { "'`\"".contains($0) }
        return mayQuote ? String(words.prefix { $0 != " " }) : words
    }

    private static func isDigest(_ bytes: ByteBuffer) -> Bool {
        bytes.readableBytes == 40
            && bytes.readableBytesView.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
    }
}
