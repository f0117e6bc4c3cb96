import NIOCore
import UsherCaching
import UsherCore
import UsherHTTP

/// Heads, made by reading them as they come from the wire. LF stands for CRLF in the texts.
enum Heads {
    struct Malformed: Error {
        var progress: HeadProgress
    }

    static func request(_ fields: String = "", _ line: String = "GET / HTTP/1.1") throws -> RequestHead {
        let head = RequestHead()
        var input = ByteBuffer(bytes: wire("\(line)\nHost: example.com\n\(fields)\n"))
        let progress = head.parse(&input, limits: HeadLimits(head: 1 << 20, fields: 1000))
        guard progress == .complete else { throw Malformed(progress: progress) }
        return head
    }

    static func response(_ fields: String = "", status: Int = 200, to method: UsherHTTP.Method = .get) throws
        -> ResponseHead
    {
        let head = ResponseHead()
        var input = ByteBuffer(bytes: wire("HTTP/1.1 \(status) x\n\(fields)\n"))
        let limits = HeadLimits(head: 1 << 20, fields: 1000)
        let progress = head.parse(&input, requestMethod: method, limits: limits)
        guard progress == .complete else { throw Malformed(progress: progress) }
        return head
    }

    static func directives(_ fields: String) throws -> ResponseDirectives {
        try ResponseDirectives(response(fields))
    }

    /// What is stored of a response with these fields.
    static func lines(_ fields: String, date: String = "") throws -> [UInt8] {
        let head = try response(fields)
        var lines: [UInt8] = []
        StoredFields.write(head, ResponseDirectives(head), date: wire(date), to: &lines)
        return lines
    }

    static func wire(_ text: String) -> [UInt8] {
        Array(text.utf8).flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
    }

    /// Stored lines as text, with LF for CRLF.
    static func text(_ lines: [UInt8]) -> String {
        String(decoding: lines.filter { $0 != 0x0D }, as: UTF8.self)
    }
}

/// Times of tests: the answer comes at noon of a day, which the monotonic clock calls 1000 s.
enum Noon {
    /// `Tue, 17 Nov 2026 12:00:00 GMT`.
    static let unixSeconds = 1_794_916_800
    static let date = "Tue, 17 Nov 2026 12:00:00 GMT"
    static let received = at(0)

    /// So many seconds after the answer came.
    static func at(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: UInt64((1000 + seconds) * 1e9))
    }

    /// A date so many seconds after noon.
    static func date(_ seconds: Int) -> String {
        var out = ByteBuffer()
        HTTPDate.write(unixSeconds: unixSeconds + seconds, to: &out)
        return String(buffer: out)
    }

    /// What is known of an answer that was asked for `delay` seconds before noon.
    static func facts(_ fields: String, status: Int = 200, delay: Double = 0) throws -> AnswerFacts {
        let head = try Heads.response(fields, status: status)
        return AnswerFacts(
            head, ResponseDirectives(head), requestedAt: at(-delay), receivedAt: received, unixSeconds: unixSeconds)
    }
}

/// Texts made of pieces that parsers have stumbled over, and of single bytes that a field value may have.
struct Scribbler {
    var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    mutating func text(_ morsels: [String], most: Int = 12) -> String {
        var text = ""
        for _ in 0..<random.below(most + 1) {
            if random.below(4) == 0 {
                text.unicodeScalars.append(Unicode.Scalar(UInt8(0x20 + random.below(0x5F))))
            } else {
                text += morsels[random.below(morsels.count)]
            }
        }
        return text
    }

    static func seed() -> UInt64 {
        let seed = UInt64.random(in: .min ... .max)
        print("seed of random texts: \(seed)")
        return seed
    }
}
