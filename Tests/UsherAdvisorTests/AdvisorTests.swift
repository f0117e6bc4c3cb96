import Foundation
import Testing
import UsherAdvisor
import UsherCore

@Suite("Advice", .timeLimit(.minutes(2)))
struct AdvisorTests {
    private static func advice(_ chunks: [[UInt8]], _ options: Advisor.Options = .init()) -> Advice {
        var advisor = Advisor(options)
        for chunk in chunks { advisor.append(chunk) }
        return advisor.finish()
    }

    private static func json(_ advice: Advice) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(advice), as: UTF8.self)
    }

    @Test("the same log gives the same advice, however it is cut")
    func deterministic() throws {
        var log = PlantedLog(seed: 1)
        let bytes = log.lines(2000)
        let pieces = stride(from: 0, to: bytes.count, by: 777).map { Array(bytes[$0..<min($0 + 777, bytes.count)]) }
        #expect(try Self.json(Self.advice([bytes])) == Self.json(Self.advice(pieces)))
    }

    @Test("every name of the JSON is made of words with _ between them, and stands in docs/advise.md")
    func names() throws {
        func names(_ value: Any) -> Set<String> {
            if let list = value as? [Any] { return list.reduce(into: []) { $0.formUnion(names($1)) } }
            guard let members = value as? [String: Any] else { return [] }
            return members.values.reduce(into: Set(members.keys)) { $0.formUnion(names($1)) }
        }
        var log = PlantedLog(seed: 7)
        (log.truth, log.form) = (.tenantAndPath, .usher)
        var options = Advisor.Options()
        (options.shards, options.showsValues) = (2, true)
        let json = try Self.json(Self.advice([log.lines(5000)], options))
        let found = names(try JSONSerialization.jsonObject(with: Data(json.utf8)))
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs")
        let page = try String(contentsOf: folder.appending(path: "advise.md"), encoding: .utf8)
        #expect(found.isSuperset(of: ["memory_bytes", "worst_minute", "cause", "refill_bytes", "value", "part"]))
        for name in found {
            #expect(name.allSatisfy { $0.isLowercase || $0 == "_" } && page.contains("`\(name)`"), "\(name)")
        }
    }

    @Test("values are told only to those who ask for them")
    func values() throws {
        var log = PlantedLog(seed: 2)
        (log.truth, log.form) = (.identityAndPath, .usher)
        let bytes = log.lines(2000)
        var options = Advisor.Options()
        let hidden = try Self.json(Self.advice([bytes], options))
        #expect(!hidden.contains("user0") && !hidden.contains("/section") && !hidden.contains("20.0."))
        options.showsValues = true
        let shown = Self.advice([bytes], options)
        #expect(shown.candidates.first?.top.first?.value == "user0 + /section0/page/0")
    }

    @Test("one key that makes half of the requests is named as what no function can beat")
    func hotKey() {
        var log = PlantedLog(seed: 3)
        var bytes = log.lines(2000)
        for _ in 0..<2000 {
            bytes +=
                Array(#"20.0.0.1 - - [10/Oct/2026:00:00:00 +0000] "GET /hot HTTP/1.1" 200 777 "-" "-""#.utf8) + [0x0A]
        }
        let advice = Self.advice([bytes])
        let best = advice.candidates.first
        #expect(best?.key == "{path}" && (4.9...5.1).contains(best?.floor ?? 0))
        #expect((best?.balance.first?.requests ?? 0) >= 5)
        #expect(advice.notes.contains { $0.contains("no function") })
        #expect(advice.configuration.contains("  hot-keys: { above: 10%, copies: 5, across: shards }"))
        #expect(advice.configuration.last == #"  key: "{path}""#)
    }

    @Test("what the log does not tell is said")
    func evidence() {
        func notes(_ line: String) -> String {
            var bytes: [UInt8] = []
            for index in 0..<200 { bytes += Array(line.replacing("N", with: "\(index % 20)").utf8) + [0x0A] }
            return Self.advice([bytes]).notes.joined(separator: "\n")
        }
        let bare = notes(#"{"method":"GET","path":"/N","status":200}"#)
        #expect(bare.contains("different URLs") && bare.contains("No client addresses"))
        #expect(bare.contains("how long") && bare.contains("No Accept-Language, no cookies or identities"))
        let rich = notes(
            #"{"method":"GET","path":"/N","status":200,"size":N00,"duration_ms":1,"client":"1.2.3.4","user":"u","#
                + #""accept_language":"de"}"#)
        #expect(!rich.contains("different URLs") && !rich.contains("how long") && !rich.contains("Accept-Language"))
    }

    @Test("answers of one size say nothing, so URLs are taken for answers")
    func oneSize() {
        var bytes: [UInt8] = []
        for index in 0..<3000 {
            bytes += Array(#"1.2.\#(index % 7).4 - - [x] "GET /\#(index % 50) HTTP/1.1" 200 5 "-" "-""#.utf8) + [0x0A]
        }
        let advice = Self.advice([bytes])
        #expect(advice.candidates.first?.key == "{path}")
    }

    @Test("a log that begins with more noise than is looked at is understood all the same")
    func lateLines() {
        var log = PlantedLog(seed: 6)
        var advisor = Advisor(.init())
        let noise = Array(repeating: UInt8(ascii: "x"), count: 60_000) + [0x0A]
        for _ in 0..<300 { advisor.append(noise) }
        advisor.append(log.lines(2000))
        let advice = advisor.finish()
        #expect(advice.lines == 2300 && advice.skipped == 300)
        #expect(advice.candidates.first?.key == "{path}" && advice.candidates.contains { $0.key == "{source-address}" })
    }

    @Test("without times there is no worst minute")
    func noTimes() {
        var bytes: [UInt8] = []
        for index in 0..<6000 {
            bytes += Array(#"{"method":"GET","path":"/\#(index % 9)","status":200,"size":\#(index % 9)}"#.utf8) + [0x0A]
        }
        #expect(Self.advice([bytes]).candidates.allSatisfy { $0.worstMinute == nil })
    }

    @Test("several files follow one another, the last line of each complete by its end")
    func files() {
        var log = PlantedLog(seed: 4)
        var advisor = Advisor(.init())
        for _ in 0..<3 {
            advisor.append(log.lines(100).dropLast())
            advisor.endFile()
        }
        let advice = advisor.finish()
        #expect(advice.lines == 300 && advice.skipped == 0)
    }

    @Test("a picture has a bar a shard and no more, and calls them parts")
    func picture() throws {
        var log = PlantedLog(seed: 5)
        var options = Advisor.Options()
        options.shards = 7
        let svg = try #require(LoadPicture.svg(Self.advice([log.lines(2000)], options)))
        #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
        #expect(svg.split(separator: "\n").count { $0.hasPrefix("<rect x=") } == 7)
        #expect(svg.contains(">part 1</text>") && svg.contains(">part 7</text>") && !svg.contains(">s0<"))
    }
}
