import Testing
import UsherCore
import UsherReplication

@Suite struct SessionTableTests {
    private static func key(_ number: Int) -> SessionTable.Key {
        withUnsafeBytes(of: number) { bytes in
            SessionTable.Key(value: Array(bytes).span, secret: (1, 2))
        }
    }

    private static func seconds(_ seconds: Int) -> MonotonicTime {
        .start.advanced(by: .seconds(seconds))
    }

    private static let first = EndpointTag(hash: 1)
    private static let second = EndpointTag(hash: 2)

    @Test("what was learned is known, and learning again replaces it")
    func learning() {
        var table = SessionTable(capacity: 10)
        let before = table.endpoint(of: Self.key(1), now: .start)
        table.learn(Self.key(1), endpoint: Self.first, now: .start)
        let known = table.endpoint(of: Self.key(1), now: .start)
        table.learn(Self.key(1), endpoint: Self.second, now: .start)
        let replaced = table.endpoint(of: Self.key(1), now: .start)
        let count = table.count
        #expect(before == nil && known == Self.first && replaced == Self.second && count == 1)
    }

    @Test("a value that is not used for an hour is forgotten; each use begins the hour anew")
    func idling() {
        var table = SessionTable(capacity: 10)
        table.learn(Self.key(1), endpoint: Self.first, now: Self.seconds(0))
        let used = table.endpoint(of: Self.key(1), now: Self.seconds(3_600))
        let usedAgain = table.endpoint(of: Self.key(1), now: Self.seconds(7_200))
        let over = table.endpoint(of: Self.key(1), now: Self.seconds(10_801))
        let count = table.count
        #expect(used == Self.first && usedAgain == Self.first && over == nil && count == 0)
    }

    @Test("the table never holds more than its capacity", arguments: [-1, 0, 1, 2, 5, 1_000])
    func bound(capacity: Int) {
        var table = SessionTable(capacity: capacity)
        var largest = 0
        for number in 0..<3_000 {
            table.learn(Self.key(number), endpoint: Self.first, now: .start)
            if number % 3 == 0 { _ = table.endpoint(of: Self.key(number), now: .start) }
            largest = max(largest, table.count)
        }
        let newest = table.endpoint(of: Self.key(2_999), now: .start)
        #expect(largest == max(capacity, 1) && newest == Self.first)
    }

    @Test("a flood of values that come once pushes out nothing that is in use")
    func flood() {
        var table = SessionTable(capacity: 1_000)
        // 800 sessions, each used once since it was learned, and never during the flood.
        for number in 0..<800 {
            table.learn(Self.key(number), endpoint: Self.first, now: .start)
            _ = table.endpoint(of: Self.key(number), now: .start)
        }
        for number in 1_000..<101_000 { table.learn(Self.key(number), endpoint: Self.second, now: Self.seconds(1)) }
        var kept = 0
        for number in 0..<800 where table.endpoint(of: Self.key(number), now: Self.seconds(2)) == Self.first {
            kept += 1
        }
        #expect(kept == 800)
    }

    @Test("a flood of values that come twice pushes out only what is not used meanwhile")
    func doubleFlood() {
        var table = SessionTable(capacity: 1_000)
        for number in 0..<800 {
            table.learn(Self.key(number), endpoint: Self.first, now: .start)
            _ = table.endpoint(of: Self.key(number), now: .start)
        }
        for number in 1_000..<11_000 {
            table.learn(Self.key(number), endpoint: Self.second, now: .start)
            _ = table.endpoint(of: Self.key(number), now: .start)
            // One session in ten goes on with its requests.
            _ = table.endpoint(of: Self.key(number % 80), now: .start)
        }
        var kept = 0
        for number in 0..<80 where table.endpoint(of: Self.key(number), now: .start) == Self.first { kept += 1 }
        let idle = table.endpoint(of: Self.key(500), now: .start)
        #expect(kept == 80 && idle == nil)
    }

    @Test("values that were idle for too long make room first, even for new ones")
    func idleFirst() {
        var table = SessionTable(capacity: 10)
        for number in 0..<8 {
            table.learn(Self.key(number), endpoint: Self.first, now: .start)
            _ = table.endpoint(of: Self.key(number), now: .start)
        }
        for number in 8..<18 { table.learn(Self.key(number), endpoint: Self.second, now: Self.seconds(3_601)) }
        var kept = 0
        for number in 8..<18 where table.endpoint(of: Self.key(number), now: Self.seconds(3_601)) != nil { kept += 1 }
        #expect(kept == 10)
    }

    @Test("keys depend on the secret and on every byte")
    func keys() {
        let value: [UInt8] = Array("7f3c9a0b".utf8)
        var keys: Set<SessionTable.Key> = [
            .init(value: value.span, secret: (1, 2)), .init(value: value.span, secret: (1, 3)),
        ]
        for index in value.indices {
            var other = value
            other[index] ^= 1
            keys.insert(.init(value: other.span, secret: (1, 2)))
        }
        #expect(keys.count == value.count + 2)
    }

    @Test("random use agrees with a plain model", arguments: 1...12 as ClosedRange<UInt64>)
    func model(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let capacity = 1 + random.below(40)
        var table = SessionTable(capacity: capacity, idle: .seconds(50))
        var model = Model(capacity: capacity)
        var now = 0
        for step in 0..<4_000 {
            now += random.below(20) == 0 ? random.below(60) : 0
            let number = random.below(capacity * 3)
            if random.below(3) == 0 {
                let tag = EndpointTag(hash: random.next())
                table.learn(Self.key(number), endpoint: tag, now: Self.seconds(now))
                model.learn(number, tag, now: now)
            } else {
                let found = table.endpoint(of: Self.key(number), now: Self.seconds(now))
                let expected = model.endpoint(of: number, now: now)
                #expect(found == expected, "seed \(seed), step \(step)")
            }
            let count = table.count
            #expect(count == model.newest.count + model.proven.count, "seed \(seed), step \(step)")
        }
    }

    /// The same rules on plain lists, the most recently used first.
    private struct Model {
        let capacity: Int
        var newest: [Int] = []
        var proven: [Int] = []
        var values: [Int: (tag: EndpointTag, lastUse: Int)] = [:]

        init(capacity: Int) {
            self.capacity = capacity
        }

        mutating func endpoint(of number: Int, now: Int) -> EndpointTag? {
            guard let value = values[number] else { return nil }
            guard now - value.lastUse <= 50 else {
                forget(number)
                return nil
            }
            use(number, value.tag, now)
            return value.tag
        }

        mutating func learn(_ number: Int, _ tag: EndpointTag, now: Int) {
            if values[number] != nil {
                use(number, tag, now)
                return
            }
            if values.count == capacity {
                let idle = proven.last.flatMap { now - (values[$0]?.lastUse ?? 0) > 50 ? $0 : nil }
                if let victim = idle ?? newest.last ?? proven.last { forget(victim) }
            }
            values[number] = (tag, now)
            newest.insert(number, at: 0)
        }

        private mutating func use(_ number: Int, _ tag: EndpointTag, _ now: Int) {
            values[number] = (tag, now)
            if let place = proven.firstIndex(of: number) {
                proven.remove(at: place)
            } else {
                newest.removeAll { $0 == number }
                if proven.count >= capacity * 4 / 5, let oldest = proven.popLast() { newest.insert(oldest, at: 0) }
            }
            proven.insert(number, at: 0)
        }

        private mutating func forget(_ number: Int) {
            values[number] = nil
            newest.removeAll { $0 == number }
            proven.removeAll { $0 == number }
        }
    }
}
