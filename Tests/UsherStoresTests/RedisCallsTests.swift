import NIOCore
import Testing
import UsherCore

@testable import UsherStores

@Suite("Calls that wait for Redis", .timeLimit(.minutes(1)))
struct RedisCallsTests {
    /// Completions note what they are told here.
    private final class Notes {
        var ended: [UInt64] = []
    }

    private func moment(_ number: Int) -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(number)) }

    @Test("answers, expiries and repetitions in any order end each call once, and keep its words")
    func model() async {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<20 {
            await Task.yield()
            var calls = RedisCalls()
            let notes = Notes()
            var words: [UInt64: String] = [:]
            var deadlines: [UInt64: Int] = [:]
            var sent: [RedisCalls.Sent] = []
            var repeated: Set<UInt64> = []
            var ended: Set<UInt64> = []
            for now in 0..<300 {
                switch random.below(6) {
                case 0, 1, 2:
                    let text = String(repeating: "w", count: random.below(400)) + "\(now)"
                    let number = UInt64(words.count)
                    let given = calls.add(
                        wordCount: now, deadline: moment(now + 30), { $0.writeString(text) },
                        completion: { _ in
                            notes.ended.append(number)
                            return true
                        })
                    calls.noteSent(.call(given))
                    #expect(given == number, "seed \(seed)")
                    words[number] = text
                    deadlines[number] = now + 30
                    sent.append(.call(number))
                case 3:
                    let what: RedisCalls.Sent = random.below(2) == 0 ? .ping : .load
                    calls.noteSent(what)
                    sent.append(what)
                case 4:
                    let answered = calls.takeSent()
                    #expect(answered == sent.first, "seed \(seed)")
                    if !sent.isEmpty { sent.removeFirst() }
                    guard case .call(let number) = answered else { break }
                    if random.below(4) == 0 {
                        let wordCount = calls.repeatOnce(number)
                        let mayRepeat = !ended.contains(number) && !repeated.contains(number)
                        #expect((wordCount != nil) == mayRepeat, "seed \(seed)")
                        guard mayRepeat else { break }
                        var out = ByteBuffer()
                        calls.writeWords(of: number, to: &out)
                        #expect(String(buffer: out) == words[number], "seed \(seed)")
                        calls.noteSent(.call(number))
                        sent.append(.call(number))
                        repeated.insert(number)
                    } else {
                        let completion = calls.end(number)
                        #expect((completion == nil) == ended.contains(number), "seed \(seed)")
                        if completion?(.success(.null)) == true { ended.insert(number) }
                    }
                default:
                    let due = deadlines.keys.sorted().filter { !ended.contains($0) && (deadlines[$0] ?? 0) <= now }
                    while let completion = calls.endDue(now: moment(now)) { _ = completion(.success(.null)) }
                    ended.formUnion(due)
                }
                #expect(notes.ended.count == ended.count && Set(notes.ended) == ended, "seed \(seed)")
                let next = deadlines.filter { !ended.contains($0.key) }.values.min()
                #expect(calls.nextDeadline == next.map(self.moment), "seed \(seed)")
            }
            while let completion = calls.endNext() { _ = completion(.success(.null)) }
            #expect(Set(notes.ended).count == notes.ended.count && notes.ended.count == words.count, "seed \(seed)")
        }
    }

    @Test("there is room for so many, and again once they are over and answered")
    func bound() {
        var calls = RedisCalls()
        var wasFull = false
        for _ in 0..<RedisCalls.maximum {
            wasFull = wasFull || calls.isFull
            calls.noteSent(.call(calls.add(wordCount: 1, deadline: .start, { _ in }, completion: { _ in true })))
        }
        let isFull = calls.isFull
        while calls.endNext() != nil {}
        let isFullOfAnswers = calls.isFull
        while calls.takeSent() != nil {}
        let isFullAfterwards = calls.isFull
        #expect(!wasFull && isFull && isFullOfAnswers && !isFullAfterwards)
    }

    @Test("the back-off doubles up to its bound, is shortened by half at most, and begins anew after a success")
    func backoff() {
        var backoff = RedisBackoff()
        var random = SeededRandom(seed: 1)
        for full in [50, 100, 200, 400, 800, 1000, 1000, 1000] {
            let delay = backoff.delay(afterConnectionOf: .milliseconds(999), random: &random)
            #expect(delay <= .milliseconds(full) && delay >= .milliseconds(full / 2))
        }
        #expect(backoff.delay(afterConnectionOf: .seconds(1), random: &random) <= .milliseconds(50))
        #expect(backoff.delay(afterConnectionOf: .zero, random: &random) >= .milliseconds(50))
    }
}
