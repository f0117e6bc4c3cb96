import Testing
import UsherCore
import UsherTestKit

@testable import UsherStores

@Suite("Health of a shared store", .timeLimit(.minutes(1)))
struct RedisHealthTests {
    private let changes = Journal<RedisHealth.Change>()

    private func health() -> RedisHealth { RedisHealth { [changes] in changes.note($0) } }

    private func moment(_ milliseconds: Int) -> MonotonicTime { .start.advanced(by: .milliseconds(milliseconds)) }

    @Test("an outage is told once, when the first loses the server and when all have it again")
    func once() {
        let health = self.health()
        #expect(!health.isAvailable && health.reason == "not connected yet")
        let members = (0..<4).map { _ in health.join() }
        #expect(!health.isAvailable && health.reason == "not connected yet")
        for member in members { health.report(nil, of: member, now: self.moment(1)) }
        #expect(health.isAvailable && self.changes.entries.isEmpty)

        for (index, member) in members.enumerated() {
            health.report("refused \(index)", of: member, now: self.moment(100 + index))
        }
        #expect(!health.isAvailable && health.reason == "refused 0")
        for member in members.dropFirst() { health.report(nil, of: member, now: self.moment(200)) }
        let isStillOne = health.settle(now: self.moment(5000))
        #expect(isStillOne && health.reason == "refused 0")
        health.report(nil, of: members[0], now: self.moment(5000))
        #expect(health.isAvailable)
        let isEarly = health.settle(now: self.moment(5999))
        let isLater = health.settle(now: self.moment(6000))
        let isAgain = health.settle(now: self.moment(7000))
        #expect(isEarly && !isLater && !isAgain)
        #expect(self.changes.entries == [.lost(reason: "refused 0"), .recovered(after: .milliseconds(5900))])
    }

    @Test("a server that comes and goes has one long outage")
    func flapping() {
        let health = self.health()
        let member = health.join()
        for time in stride(from: 0, to: 10_000, by: 500) {
            health.report(time % 1000 == 0 ? "gone" : nil, of: member, now: self.moment(time))
            _ = health.settle(now: self.moment(time + 499))
        }
        #expect(self.changes.entries == [.lost(reason: "gone")])
        _ = health.settle(now: self.moment(10_500))
        #expect(self.changes.entries.count == 2)
    }

    @Test("a member that left has no say")
    func leaving() {
        let health = self.health()
        let (one, other) = (health.join(), health.join())
        health.report("gone", of: one, now: self.moment(0))
        health.report(nil, of: other, now: self.moment(0))
        health.leave(one)
        health.report("late", of: one, now: self.moment(1))
        #expect(health.isAvailable)
        let isStillOne = health.settle(now: self.moment(1000))
        #expect(!isStillOne)
        health.leave(other)
        #expect(!health.isAvailable)
    }
}
