import Testing
import UsherCore
import UsherQuotas

@Suite("Who asks most", .timeLimit(.minutes(1)))
struct TopCallersTests {
    private static func count(_ name: String, in top: inout TopCallers, isAllowed: Bool = true, at time: UInt64 = 1) {
        let bytes = Array(name.utf8)
        let key = KeyedHash(value: bytes.span, secret: (3, 4))
        top.count(key, label: bytes.span, .authenticated, isAllowed: isAllowed, now: MonotonicTime(nanoseconds: time))
    }

    @Test("few callers are counted exactly")
    func exact() throws {
        var top = TopCallers(capacity: 10)
        for time in 1...5 { Self.count("ann", in: &top, isAllowed: time < 4, at: UInt64(time)) }
        for time in 6...7 { Self.count("bob", in: &top, at: UInt64(time)) }
        let callers = TopCallers.merged([top])
        #expect(callers.map { String(decoding: $0.label, as: UTF8.self) } == ["ann", "bob"])
        #expect(callers[0].asked == 5 && callers[0].refused == 2 && callers[0].error == 0)
        #expect(callers[0].firstSeen.nanoseconds == 1 && callers[0].lastSeen.nanoseconds == 5)
    }

    @Test("what several workers saw is added up")
    func merged() {
        var parts = [TopCallers(capacity: 4), TopCallers(capacity: 4)]
        Self.count("ann", in: &parts[0], at: 5)
        Self.count("ann", in: &parts[1], isAllowed: false, at: 2)
        let callers = TopCallers.merged(parts)
        #expect(callers.count == 1)
        #expect(callers[0].asked == 2 && callers[0].refused == 1)
        #expect(callers[0].firstSeen.nanoseconds == 2 && callers[0].lastSeen.nanoseconds == 5)
    }

    @Test("a heavy caller is found in a crowd, and never counted too low")
    func crowd() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        var top = TopCallers(capacity: 100)
        var asked = 0
        for _ in 0..<100_000 {
            if random.below(20) == 0 {
                asked += 1
                Self.count("heavy", in: &top)
            } else {
                Self.count("stranger \(random.below(50_000))", in: &top)
            }
        }
        let first = try #require(TopCallers.merged([top]).first)
        #expect(String(decoding: first.label, as: UTF8.self) == "heavy", "seed \(seed)")
        #expect(Int(first.asked) >= asked && Int(first.asked - first.error) <= asked)
        #expect(first.error <= 1000)
    }

    @Test("callers keep their class when classes get other numbers")
    func renumber() throws {
        var top = TopCallers(capacity: 4)
        let bytes = Array("acme".utf8)
        let key = KeyedHash(value: bytes.span, secret: (3, 4))
        top.count(key, label: bytes.span, CallerClass(index: 2), isAllowed: true, now: MonotonicTime(nanoseconds: 1))
        top.renumber(classes: [0, 1, 3])
        #expect(top.all.map(\.caller.callerClass.index) == [3])
        top.renumber(classes: [0, 1])
        #expect(top.all.map(\.caller.callerClass) == [.authenticated])
    }

    @Test("long labels are cut, and memory does not grow with strangers")
    func labels() throws {
        var top = TopCallers(capacity: 2)
        Self.count(String(repeating: "x", count: 1000), in: &top)
        let caller = try #require(top.all.first)
        #expect(caller.caller.label.count == TopCallers.labelMaximum)
        for number in 0..<100 { Self.count("s\(number)", in: &top) }
        #expect(top.all.count == 2)
    }
}
