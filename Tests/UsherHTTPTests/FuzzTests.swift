import NIOCore
import Testing

@testable import UsherHTTP

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Changes messages of the corpus at random and holds what must be true of any bytes at all.
@Suite("hostile bytes", .timeLimit(.minutes(10)))
struct FuzzTests {
    /// SplitMix64, so that a printed seed repeats a run.
    struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    static var iterations: Int { setting("USHER_FUZZ_ITERATIONS").flatMap { Int($0) } ?? 20_000 }

    static func seed() -> UInt64 {
        let seed = setting("USHER_FUZZ_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: .min ... .max)
        print("USHER_FUZZ_SEED=\(seed)")
        return seed
    }

    static func setting(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// Pieces that parsers have stumbled over.
    static let morsels: [[UInt8]] = [
        "\r\n", "\n", "\r", "\r\n\r\n", "\n\n", " ", "\t", "\0", ":", ",", ";", "\u{0B}", "\u{7F}", "\r\n ", "%2e",
        "%2f", "%00", "%",
        "..", "../", "/./", "//", "?", "#", "@", "\\", "[::1]", "Content-Length: 5\r\n", "Content-Length: 6\r\n",
        "Content_Length: 7\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding:\tchunked\r\n", "chunked",
        ", chunked",
        "Transfer-Encoding: gzip\r\n", "Host: b\r\n", "Connection: close\r\n", "Connection: host, x\r\n",
        "Expect: 100-continue\r\n",
        "HTTP/1.0", "HTTP/1.1", "http://b:80/", "0\r\n\r\n", "5\r\nhello\r\n", "-1", "+1", "0x5",
        "18446744073709551616", "\u{FF}", "é",
    ].map { Array($0.utf8) }

    static func mutate(_ bytes: inout [UInt8], _ corpus: [[UInt8]], _ random: inout Random) {
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 0...12, using: &random))
            switch Int.random(in: 0..<8, using: &random) {
            case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 1 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 2 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 3: bytes.removeSubrange(place..<end)
            case 4: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
            case 5:
                let other = corpus.randomElement(using: &random) ?? []
                let from = Int.random(in: 0...other.count, using: &random)
                bytes.replaceSubrange(place..<end, with: other[from..<min(other.count, from + 40)])
            default: bytes.insert(contentsOf: morsels.randomElement(using: &random) ?? [], at: place)
            }
        }
    }

    /// A cutting of the bytes at random places.
    static func cut(_ bytes: [UInt8], _ random: inout Random) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var index = 0
        while index < bytes.count {
            let end = min(bytes.count, index + Int.random(in: 1...max(1, bytes.count / 3), using: &random))
            pieces.append(bytes[index..<end])
            index = end
        }
        return pieces
    }

    /// What must not be in an accepted head, looked for in the plainest way.
    static func fault(in head: ArraySlice<UInt8>, framing: BodyFraming) -> String? {
        var previous: UInt8 = 0
        for byte in head {
            if (previous == 0x0D) != (byte == 0x0A) { return "bare CR or LF" }
            if byte < 0x20, ![0x09, 0x0A, 0x0D].contains(byte) { return "control byte" }
            previous = byte
        }
        let lines = head.split(separator: 0x0A, omittingEmptySubsequences: true).map { $0.dropLast() }.filter {
            !$0.isEmpty
        }
        let names = lines.dropFirst().map { line in
            String(decoding: line.prefix { $0 != 0x3A }, as: UTF8.self).lowercased()
        }
        for name in names where name.isEmpty || name.contains(where: { $0 == " " || $0 == "\t" }) { return "odd name" }
        let aliases = names.map { name in String(name.map { $0 == "_" ? "-" : $0 }) }
        let lengths = aliases.count { $0 == "content-length" }
        let codings = aliases.count { $0 == "transfer-encoding" }
        if aliases.count(where: { $0 == "host" }) > 1 { return "two hosts" }
        if lengths + codings > 1 { return "two framings" }
        if lengths + codings == 0, framing != .none { return "framing from nowhere" }
        if codings == 1, framing != .chunked { return "chunks not seen" }
        return names.contains("content_length") || names.contains("transfer_encoding") ? "alias" : nil
    }

    @Test("requests: no crash, no difference by cutting, and what passes on reads the same")
    func requests() {
        var random = Random(state: Self.seed())
        let corpus = RequestCorpus.all.map { wire($0.text) }
        let valid = RequestCorpus.valid.map { wire($0.text) }
        let head = RequestHead()
        let other = RequestHead()
        var accepted = 0
        for _ in 0..<Self.iterations {
            var bytes = (Bool.random(using: &random) ? corpus : valid).randomElement(using: &random) ?? []
            Self.mutate(&bytes, corpus, &random)
            let whole = readRequest([bytes[...]], with: head)
            if readRequest(Self.cut(bytes, &random), with: other) != whole {
                Issue.record("cutting matters for \(bytes)")
                return
            }
            guard whole.verdict == .complete, head.method != .connect else { continue }
            accepted += 1
            if let fault = Self.fault(in: bytes.dropLast(whole.rest.utf8.count), framing: whole.framing) {
                Issue.record("accepted with \(fault): \(bytes)")
                return
            }
            let again = readRequest([Array(rewrite(head).readableBytesView)[...]], with: other)
            let isSame =
                again.verdict == .complete && again.target == whole.target && again.method == whole.method
                && again.framing == whole.framing && again.rest.isEmpty
            if !isSame {
                Issue.record("read again as \(again) instead of \(whole): \(bytes)")
                return
            }
        }
        #expect(accepted > Self.iterations / 20, "the changes leave enough requests whole to test with")
    }

    @Test("responses: no crash and no difference by cutting")
    func responses() {
        var random = Random(state: Self.seed())
        let corpus = ResponseCase.all.map { wire($0.text) }
        let head = ResponseHead()
        for _ in 0..<Self.iterations / 2 {
            var bytes = corpus.randomElement(using: &random) ?? []
            Self.mutate(&bytes, corpus, &random)
            let method = UsherHTTP.Method.allCases.randomElement(using: &random) ?? .get
            let whole = readResponse([bytes[...]], to: method, with: head)
            if readResponse(Self.cut(bytes, &random), to: method, with: head) != whole {
                Issue.record("cutting matters for \(bytes)")
                return
            }
        }
    }

    @Test("bodies: no crash, no difference by cutting, and chunks written again read the same")
    func bodies() {
        var random = Random(state: Self.seed())
        let corpus = [
            "0\n\n", "5\nhello\n0\n\n", "5;a=b\nhello\n1\n!\n0\nX: y\n\nGET", "7FFFFFFFFFFFFFFF\nabc",
            "A\n0123456789\n00;x\nContent-Length: 5\nX-Y: z\n\n",
        ].map(wire)
        for _ in 0..<Self.iterations / 2 {
            var bytes = corpus.randomElement(using: &random) ?? []
            Self.mutate(&bytes, corpus, &random)
            let whole = readBody([bytes[...]], .chunked)
            if readBody(Self.cut(bytes, &random), .chunked) != whole {
                Issue.record("cutting matters for \(bytes)")
                return
            }
            guard whole.ending == "end" else { continue }
            var out = ByteBuffer()
            if !whole.bytes.isEmpty {
                BodyWriter.writeChunkHead(whole.bytes.count, to: &out)
                out.writeBytes(whole.bytes)
                BodyWriter.writeChunkEnd(to: &out)
            }
            let trailers = whole.trailerBytes.map { Trailers(bytes: ByteBuffer(bytes: $0)) }
            BodyWriter.writeLastChunk(trailers: trailers, to: &out)
            var expected = whole
            expected.rest = ""
            #expect(readBody([Array(out.readableBytesView)[...]], .chunked) == expected)
        }
    }
}
