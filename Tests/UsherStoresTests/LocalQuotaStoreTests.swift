import Testing
import UsherCore
import UsherQuotas

@testable import UsherStores

/// What a store in memory does beside deciding.
@Suite("Local quota store", .timeLimit(.minutes(1)))
struct LocalQuotaStoreTests {
    private let now = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test("looking uses nothing")
    func looking() throws {
        let store = LocalQuotaStore(windows: 1)
        let limit = try QuotaLimit("3/h")
        let key = store.key("acme".utf8.span, space: 0)
        #expect(store.debts(of: key, limit, now: self.now)[0] == 0)
        _ = store.take(key, limit, cost: 2, now: self.now)
        for _ in 0..<3 { #expect(store.debts(of: key, limit, now: self.now)[0] == 2 * limit.windows[0].interval) }
    }

    @Test("requests on their way are counted by all workers together, and never more than the limit")
    func inFlight() async {
        let store = LocalQuotaStore(windows: 1)
        let key = store.key("acme".utf8.span, space: 0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<5000 where store.begin(key, limit: 3) {
                        #expect(store.inFlight(key) <= 3)
                        await Task.yield()
                        store.end(key)
                    }
                }
            }
        }
        #expect(store.inFlight(key) == 0)
        let begun = (0..<5).map { _ in store.begin(key, limit: 3) }
        #expect(begun == [true, true, true, false, false])
        store.end(key)
        #expect(store.inFlight(key) == 2 && store.begin(key, limit: 3))
    }

    @Test("a flood of callers neither grows it beyond its bound nor pushes out one who asks often")
    func flood() async throws {
        let store = LocalQuotaStore(windows: 1, capacity: 10_000)
        let limit = try QuotaLimit("100/h")
        let key = store.key("busy".utf8.span, space: 1)
        for _ in 0..<200 { _ = store.take(key, limit, cost: 1, now: self.now) }
        for number in 0..<100_000 {
            if number % 100 == 0 { await Task.yield() }
            let caller = store.key("flood-\(number)".utf8.span, space: 0)
            #expect(store.take(caller, limit, cost: 1, now: self.now).isAllowed)
        }
        let isAllowed = store.take(key, limit, cost: 1, now: self.now).isAllowed
        let totals = store.totals
        #expect(!isAllowed && totals.evicted > 50_000)
        #expect(totals.memory <= 4 * 10_000 * 3 * 8 + 64 * 64 * 3 * 8)
    }
}
