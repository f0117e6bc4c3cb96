import Testing
import UsherCore

@testable import UsherAdvisor

@Suite("Comparing answers", .timeLimit(.minutes(1)))
struct AnswerTestTests {
    /// Requests for a few paths from a few hosts and users; what the answer is says `answer`.
    private static func finding(
        _ count: Int = 8000, bursts: Bool = false,
        answer: (_ path: Int, _ host: Int, _ user: Int, _ time: Int, _ random: inout SeededRandom) -> Int
    ) -> AnswerFinding {
        var random = SeededRandom(seed: 11)
        let set = FieldSet([.path, .host, .identity], countries: nil)
        var batch = RecordBatch(set)
        var test = AnswerTest()
        var hashes = [UInt64](repeating: 0, count: RecordBatch.capacity)
        var user = 0
        for time in 0..<count {
            let (path, host) = (random.below(20), random.below(3))
            // Somebody asks several times in a row.
            if !bursts || random.below(4) == 0 { user = random.below(8) }
            let size = answer(path, host, user, time, &random)
            let line =
                #"{"method":"GET","path":"/\#(path)","host":"h\#(host)","user":"u\#(user)","#
                + #""status":200,"size":\#(size)}"#
            var bytes = Array(line.utf8)
            var reader = LogLineReader()
            guard let entry = reader.read(&bytes, 0..<bytes.count) else { continue }
            batch.append(entry, bytes, AnswerRule(sign: .size), .init(), keepsEntry: false)
            if batch.isFull || time == count - 1 {
                batch.keys([0], into: &hashes)
                test.add(batch, hashes)
                batch.removeAll()
            }
        }
        return AnswerFinding(test.counts, set)
    }

    @Test("a field that says which answer it is, is the cause, and all of it")
    func cause() {
        let finding = Self.finding { path, host, _, _, _ in 100 + path * 10 + host }
        #expect(finding.cause == .host && finding.isTooGeneral && finding.explained > 0.99)
        // Two thirds of all requests come to another host than the one before.
        #expect(abs(finding.harm - 2.0 / 3) < 0.05 && abs(finding.differing - 2.0 / 3) < 0.05)
    }

    @Test("of fields that explain as much the coarsest is the cause")
    func coarsest() {
        // Who somebody is says the parity, too, but so does less.
        let finding = Self.finding { path, host, user, _, _ in 100 + path * 10 + (host == 0 ? 1 : 0) + user / 8 }
        #expect(finding.cause == .host)
    }

    @Test("the same answer for all has no cause")
    func same() {
        let finding = Self.finding { path, _, _, _, _ in 100 + path }
        #expect(finding.cause == nil && finding.differing == 0 && finding.repeats > 7900)
    }

    @Test(
        "answers that change for everybody have no cause, though who asks in a row sees fewer changes",
        arguments: [20, 200, 1000])
    func updates(every: Int) {
        let finding = Self.finding(bursts: true) { path, _, _, time, _ in 100 + path * 1000 + time / every }
        #expect(finding.cause == nil && finding.differing > 0.01, "\(finding)")
    }

    @Test("answers that are never the same have no cause")
    func noise() {
        let finding = Self.finding { _, _, _, _, random in random.below(1 << 30) }
        #expect(finding.cause == nil && finding.differing > 0.99)
    }

    @Test("a part of the answers is found, too, and its share told")
    func part() {
        let finding = Self.finding(20_000) { path, _, user, _, _ in path == 0 ? 5000 + user : 100 + path }
        #expect(finding.cause == .identity && finding.isTooGeneral)
        // One path of twenty, and seven of eight requests by another user.
        #expect(abs(finding.harm - 7.0 / 160) < 0.02)
    }
}
