import Testing

@testable import UsherGateway

@Suite("Bounded maps", .timeLimit(.minutes(1)))
struct GenerationMapTests {
    @Test("the newest half is always there, and no more than the capacity")
    func capacity() {
        var map = GenerationMap<Int, Int>(capacity: 10)
        for number in 0..<1000 { map.insert(number, for: number) }
        #expect((996..<1000).allSatisfy { map.value(of: $0) == $0 })
        #expect((0..<990).allSatisfy { map.value(of: $0) == nil })
    }

    @Test("what is used stays")
    func use() {
        var map = GenerationMap<Int, Int>(capacity: 10)
        map.insert(1, for: -1)
        for number in 0..<1000 {
            map.insert(number, for: number)
            #expect(map.value(of: -1) == 1)
        }
    }

    @Test("heavy entries push out others before there are too many")
    func weight() {
        var map = GenerationMap<Int, Int>(capacity: 1000, weight: 100)
        for number in 0..<100 { map.insert(number, for: number, weight: 10) }
        let kept = (0..<100).filter { map.value(of: $0) != nil }
        #expect(kept.count <= 10 && kept.last == 99)
        // One that is heavier than all may be takes the place of all, and the next ones find room.
        map.insert(7, for: 7, weight: 10_000)
        #expect(map.value(of: 7) == 7)
        for number in 200..<220 { map.insert(number, for: number, weight: 10) }
        #expect(map.value(of: 7) == nil && map.value(of: 219) == 219)
    }
}
