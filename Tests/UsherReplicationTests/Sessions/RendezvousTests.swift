import Testing
import UsherCore

@testable import UsherReplication

/// An endpoint as `Rendezvous` takes it.
typealias RendezvousMember = (tag: UInt64, weight: Int, isBackup: Bool)

@Suite struct RendezvousTests {
    /// The rule word for word: every score is compared with every other one.
    private static func reference(_ key: SessionKey, _ members: [RendezvousMember], among indexes: [Int]) -> Int? {
        let isPrimary = indexes.contains { !members[$0].isBackup }
        let candidates = indexes.filter { members[$0].isBackup != isPrimary }
        return candidates.first { index in candidates.allSatisfy { !beats(key, members[$0], members[index]) } }
    }

    private static func beats(_ key: SessionKey, _ left: RendezvousMember, _ right: RendezvousMember) -> Bool {
        let (leftHash, rightHash) = (hash(key, left), hash(key, right))
        let leftCost = UInt128(BinaryLogarithm.shared.cost(of: leftHash)) * UInt128(right.weight)
        let rightCost = UInt128(BinaryLogarithm.shared.cost(of: rightHash)) * UInt128(left.weight)
        if leftCost != rightCost { return leftCost < rightCost }
        return leftHash > rightHash
    }

    /// The mixing, written a second time.
    private static func hash(_ key: SessionKey, _ member: RendezvousMember) -> UInt64 {
        let mixed = key.hash ^ member.tag
        let once = (mixed ^ mixed >> 32) &* 0x9FB2_1C65_1E98_DF25
        return (once ^ once >> 29) &* 0xBF58_476D_1CE4_E5B9
    }

    private static func members(
        _ count: Int, weights: Int = 1, backups: Int = 0, random: inout SeededRandom
    ) -> [RendezvousMember] {
        (0..<count).map { (tag: random.next(), weight: 1 + random.below(weights), isBackup: $0 < backups) }
    }

    @Test("every pick is the highest score of those that may be picked", arguments: 1...60 as ClosedRange<UInt64>)
    func rule(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let count = 1 + random.below(12)
        // Equal weights, a few weights, all weights: the fast path and the general one follow one rule.
        let weights = [1, 3, 1_000_000][random.below(3)]
        let members = Self.members(count, weights: weights, backups: random.below(3), random: &random)
        let rendezvous = Rendezvous(members)
        for _ in 0..<300 {
            let key = SessionKey(hash: random.next())
            let share = random.below(11)
            let available = members.indices.filter { _ in random.below(10) < share }
            let full = Set(members.indices.filter { _ in random.below(10) < share })
            let first = Self.reference(key, members, among: Array(members.indices))
            let isPrimary = available.contains { !members[$0].isBackup }
            let tier = available.filter { members[$0].isBackup != isPrimary }
            let free = tier.filter { !full.contains($0) }
            let expected = Self.reference(key, members, among: free.isEmpty ? tier : free)
            let choice = rendezvous.pick(key) {
                available.contains($0)
            } isFull: {
                full.contains($0)
            }
            #expect(rendezvous.firstChoice(of: key) == first, "seed \(seed)")
            #expect(choice?.index == expected, "seed \(seed)")
            #expect(choice?.isFirstChoice == expected.map { $0 == first }, "seed \(seed)")
        }
    }

    /// Sessions of each endpoint, and the share that had to move when one endpoint went.
    private static func removal(
        _ members: [RendezvousMember], of removed: Int, keys: Int, random: inout SeededRandom
    ) -> (moved: Int, strayed: Int) {
        let before = Rendezvous(members)
        var rest = members
        rest.remove(at: removed)
        let after = Rendezvous(rest)
        var moved = 0
        var strayed = 0
        for _ in 0..<keys {
            let key = SessionKey(hash: random.next())
            guard let old = before.firstChoice(of: key), let new = after.firstChoice(of: key) else { continue }
            if old == removed {
                moved += 1
            } else if members[old].tag != rest[new].tag {
                strayed += 1
            }
        }
        return (moved, strayed)
    }

    @Test("an endpoint that leaves moves its own sessions only, at most 1/N and 1 %", arguments: 3...20)
    func leaving(count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        let members = Self.members(count, random: &random)
        let keys = 100_000
        let (moved, strayed) = Self.removal(members, of: random.below(count), keys: keys, random: &random)
        #expect(strayed == 0, "seed \(count)")
        #expect(moved * count <= keys + keys * count / 100, "seed \(count): \(moved) moved")
        #expect(moved * count >= keys - keys * count / 100, "seed \(count): \(moved) moved")
    }

    @Test("with weights it is the endpoint's part of all weights and 1 %", arguments: [3, 7, 20], [2, 10, 1_000])
    func leavingWeighted(count: Int, weights: Int) {
        let seed = UInt64(count * 10_000 + weights)
        var random = SeededRandom(seed: seed)
        let members = Self.members(count, weights: weights, random: &random)
        let total = members.reduce(0) { $0 + $1.weight }
        let removed = random.below(count)
        let (moved, strayed) = Self.removal(members, of: removed, keys: 100_000, random: &random)
        #expect(strayed == 0, "seed \(seed)")
        let difference = moved - 100_000 * members[removed].weight / total
        #expect(abs(difference) <= 1_000, "seed \(seed): \(difference) off of 100,000")
    }

    @Test("an endpoint that comes takes sessions, and nobody else gets any", arguments: [3, 10, 20])
    func coming(count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        let members = Self.members(count + 1, weights: 3, random: &random)
        let before = Rendezvous(Array(members.dropLast()))
        let after = Rendezvous(members)
        var taken = 0
        for _ in 0..<20_000 {
            let key = SessionKey(hash: random.next())
            let new = after.firstChoice(of: key)
            taken += new == count ? 1 : 0
            #expect(new == count || new == before.firstChoice(of: key), "seed \(count)")
        }
        #expect(taken > 0)
    }

    @Test("the order of the list does not matter", arguments: 1...5 as ClosedRange<UInt64>)
    func order(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let members = Self.members(20, weights: 4, backups: 3, random: &random)
        let shuffled = members.shuffled(using: &random)
        let rendezvous = Rendezvous(members)
        let other = Rendezvous(shuffled)
        for _ in 0..<2_000 {
            let key = SessionKey(hash: random.next())
            let out = members[random.below(members.count)].tag
            let mine = rendezvous.pick(key) { members[$0].tag != out }
            let theirs = other.pick(key) { shuffled[$0].tag != out }
            #expect(mine.map { members[$0.index].tag } == theirs.map { shuffled[$0.index].tag }, "seed \(seed)")
        }
    }

    @Test("keys and names that differ little are spread as evenly as others")
    func evenness() {
        let members = (0..<16).map { number in
            (tag: EndpointTag(name: "10.0.0.\(number):80").hash, weight: 1, isBackup: false)
        }
        let rendezvous = Rendezvous(members)
        var counts = [Int](repeating: 0, count: members.count)
        for number in 0..<UInt64(32_000) {
            if let index = rendezvous.firstChoice(of: SessionKey(hash: number)) { counts[index] += 1 }
        }
        // Chi squared with 15 degrees of freedom is above 44 once in ten thousand times.
        let chi = counts.reduce(0.0) { $0 + Double(($1 - 2_000) * ($1 - 2_000)) / 2_000 }
        #expect(chi < 44, "\(counts)")
    }

    @Test("in the ordinary case one endpoint is asked about")
    func questions() {
        var random = SeededRandom(seed: 9)
        let rendezvous = Rendezvous(Self.members(1_000, random: &random))
        var asked: [Int] = []
        let choice = rendezvous.pick(SessionKey(hash: 77)) { index in
            asked.append(index)
            return true
        }
        #expect(asked == [choice?.index])
    }

    @Test("without endpoints, or with none available, there is no choice")
    func nobody() {
        #expect(Rendezvous([]).pick(SessionKey(hash: 1), isAvailable: { _ in true }) == nil)
        let rendezvous = Rendezvous([(tag: 1, weight: 1, isBackup: false), (tag: 2, weight: 1, isBackup: true)])
        #expect(rendezvous.pick(SessionKey(hash: 1), isAvailable: { _ in false }) == nil)
        #expect(rendezvous.pick(SessionKey(hash: 1)) { $0 == 1 } == .init(index: 1, isFirstChoice: false))
        #expect(rendezvous.pick(SessionKey(hash: 1)) { _ in true } == .init(index: 0, isFirstChoice: true))
    }

    @Test("weights out of range count as the nearest, and equal tags trouble nobody")
    func odd() {
        let rendezvous = Rendezvous([
            (tag: 1, weight: .min, isBackup: false), (tag: 1, weight: 0, isBackup: false),
            (tag: 2, weight: .max, isBackup: false),
        ])
        var seen: Set<Int> = []
        for hash in 0..<1_000 as Range<UInt64> { seen.insert(rendezvous.firstChoice(of: SessionKey(hash: hash)) ?? -1) }
        #expect(seen.isSubset(of: [0, 2]) && seen.contains(2))
    }

    @Test("an endpoint is found by its tag")
    func tags() {
        var random = SeededRandom(seed: 10)
        let members = Self.members(50, backups: 5, random: &random)
        let rendezvous = Rendezvous(members)
        for (index, member) in members.enumerated() {
            #expect(rendezvous.index(of: EndpointTag(hash: member.tag)) == index)
            #expect(rendezvous.index(of: EndpointTag(hash: member.tag &+ 1)) == nil)
        }
        #expect(Rendezvous([]).index(of: EndpointTag(hash: 0)) == nil)
    }
}
