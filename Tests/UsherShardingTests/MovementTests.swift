import Testing
import UsherCore

@testable import UsherSharding

@Suite("Movement", .timeLimit(.minutes(2))) struct MovementTests {
    private func moved(_ shards: [Shard], to others: [Shard], _ function: ShardingFunction) throws -> Double {
        try #require(try ShardMap(shards, function).moved(to: ShardMap(others, function)))
    }

    private func without(_ index: Int, of count: Int) -> [Shard] {
        var shards = Shard.numbered(count)
        shards.remove(at: index)
        return shards
    }

    /// Sampling 65,536 keys is off by less than four standard deviations.
    private func expect(_ moved: Double, is share: Double, _ comment: Comment) {
        #expect(abs(moved - share) < 4 * (share * (1 - share) / 65_536).squareRoot() + 1e-9, comment)
    }

    /// Without the ring: a debug build's MD5 is slow.
    private static let quick: [ShardingFunction] = [.rendezvous, .maglev, .jump, .modulo]

    @Test("nothing moves between equal maps, nor when shards are listed otherwise", arguments: quick)
    func nothing(function: ShardingFunction) throws {
        #expect(try moved(Shard.numbered(10), to: Shard.numbered(10).reversed(), function) == 0)
    }

    @Test("a shard that comes takes its part, and nothing else moves", arguments: [3, 10, 30])
    func coming(count: Int) throws {
        for function in [.rendezvous, .jump] as [ShardingFunction] {
            let share = try moved(Shard.numbered(count), to: Shard.numbered(count + 1), function)
            expect(share, is: 1 / Double(count + 1), "\(function.name)")
        }
    }

    @Test("a shard that goes leaves its keys to the others, in proportion", arguments: [3, 10, 30])
    func going(count: Int) throws {
        let before = try ShardMap(Shard.numbered(count), .rendezvous)
        let after = try ShardMap(without(count / 2, of: count), .rendezvous)
        expect(try #require(before.moved(to: after)), is: 1 / Double(count), "")
        var heirs: [String: Int] = [:]
        for number in 0..<5_000 * count {
            let key = "key-\(number)"
            guard before.owner(key) == "s\(count / 2)" else {
                #expect(before.owner(key) == after.owner(key))
                continue
            }
            heirs[after.owner(key) ?? "", default: 0] += 1
        }
        let mean = heirs.values.reduce(0, +) / (count - 1)
        #expect(heirs.count == count - 1 && heirs.values.allSatisfy { abs($0 - mean) < mean / 3 }, "\(heirs)")
    }

    @Test("a heavier weight takes what it must from all others")
    func weight() throws {
        var shards = Shard.numbered(10)
        shards[3].weight = 2
        // From 1/10 to 2/11 of the keys.
        expect(try moved(Shard.numbered(10), to: shards, .rendezvous), is: 2.0 / 11 - 0.1, "")
    }

    @Test("losing one of a hundred shards moves its keys and under maglev up to twice as many")
    func oneOfHundred() throws {
        let all = Shard.numbered(100)
        let map = try ShardMap(all, .rendezvous)
        let ideal =
            Double(
                (0..<65_536).count { number in
                    map.owner([UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]) == "s50"
                }) / 65_536
        let rest = without(50, of: 100)
        let rendezvous = try moved(all, to: rest, .rendezvous) / ideal
        let maglev = try moved(all, to: rest, .maglev) * 100
        print("One of 100 shards goes: rendezvous moves \(rendezvous) times its keys, maglev \(maglev) times.")
        #expect(rendezvous == 1)
        #expect(maglev < 2)
    }

    /// A table whose size followed the number of shards gave nearly every key another one.
    @Test("one more among a thousand moves a few keys under maglev, not all")
    func oneMoreOfThousand() throws {
        #expect(try moved(Shard.numbered(1000), to: Shard.numbered(1001), .maglev) < 0.01)
    }

    @Test("what resizing costs is what moves", arguments: quick, [2, 3, 10, 31])
    func resize(function: ShardingFunction, count: Int) throws {
        let map = try ShardMap(Shard.numbered(count), function)
        let cost = map.resize
        let adding = try moved(Shard.numbered(count), to: Shard.numbered(count + 1), function)
        let removing = try moved(Shard.numbered(count), to: without(count / 2, of: count), function)
        #expect(abs(try #require(cost.adding) - adding) < 0.01, "\(adding)")
        #expect(abs(try #require(cost.removing) - removing) < 0.01, "\(removing)")
        #expect(cost.isExcessive == (function == .modulo || function == .jump && count > 2))
    }

    @Test("a ring loses the part of the shard that goes, and gives about its part to one that comes")
    func ring() throws {
        let cost = try ShardMap(Shard.numbered(10), .ring).resize
        let removing = try moved(Shard.numbered(10), to: without(5, of: 10), .ring)
        expect(removing, is: try #require(cost.removing), "")
        #expect(cost.adding == 1.0 / 11)
        #expect(!cost.isExcessive)
    }

    @Test("what resizing costs is not known of ranges and lists, and one shard cannot go")
    func resizeUnknown() throws {
        let nothing = ResizeCost(adding: nil, removing: nil, isExcessive: false)
        #expect(try ShardMap([Shard(name: "a", from: [[]])], .ranges).resize == nothing)
        #expect(try ShardMap([Shard(name: "a")], .map(unlisted: "a")).resize == nothing)
        for function in ShardingFunction.hashing {
            let cost = try ShardMap([Shard(name: "a")], function).resize
            #expect(cost.removing == nil)
            #expect(abs(try #require(cost.adding) - 0.5) < 0.01, "\(function.name)")
        }
    }

    @Test("between functions of hashes nearly all moves")
    func otherFunction() throws {
        let map = try ShardMap(Shard.numbered(10), .rendezvous)
        for function in Self.quick.dropFirst() {
            let share = try #require(map.moved(to: ShardMap(Shard.numbered(10), function)))
            #expect(abs(share - 0.9) < 0.03, "\(function.name)")
        }
    }

    @Test("of a map its listed keys are compared, whatever it becomes")
    func lists() throws {
        let lists = try ShardMap(
            [Shard(name: "a", keys: [[1], [2]]), Shard(name: "b", keys: [[3]])], .map(unlisted: nil))
        let other = try ShardMap(
            [Shard(name: "a", keys: [[1]]), Shard(name: "b", keys: [[3], [4]])], .map(unlisted: "b"))
        let ranges = try ShardMap([Shard(name: "a", from: [[]]), Shard(name: "b", from: [[2]])], .ranges)
        // Of 1, 2, 3 and 4, 2 goes from a to b and 4 from nobody to b.
        #expect(lists.moved(to: other) == 0.5)
        #expect(other.moved(to: lists) == 0.5)
        #expect(lists.moved(to: ranges) == 1.0 / 3)
        #expect(ranges.moved(to: lists) == 1.0 / 3)
        let empty = try ShardMap([Shard(name: "a")], .map(unlisted: nil))
        #expect(empty.moved(to: empty) == 0)
    }

    @Test("where the keys are is not known of ranges")
    func ranges() throws {
        let ranges = try ShardMap([Shard(name: "a", from: [[]])], .ranges)
        #expect(ranges.moved(to: ranges) == nil)
        #expect(try ranges.moved(to: ShardMap([Shard(name: "a")], .jump)) == nil)
        #expect(try ShardMap([Shard(name: "a")], .jump).moved(to: ranges) == nil)
    }
}
