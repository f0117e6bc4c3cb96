import NIOCore
import Testing
import UsherCaching
import UsherCore
import UsherHTTP

@testable import UsherStores

@Suite("Answers in memory", .timeLimit(.minutes(1)))
struct MemoryCacheStoreTests {
    private static let names: VaryNames = {
        let head = ResponseHead()
        var input = ByteBuffer(string: "HTTP/1.1 200 OK\r\nVary: Accept-Language\r\n\r\n")
        _ = head.parse(&input, requestMethod: .get, limits: HeadLimits())
        return VaryNames(head) ?? VaryNames()
    }()

    private static func answer(_ target: String, bytes: Int = 1) -> StoredAnswer {
        let head = ResponseHead()
        var input = ByteBuffer(string: "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\n")
        _ = head.parse(&input, requestMethod: .get, limits: HeadLimits())
        let facts = AnswerFacts(
            head, ResponseDirectives(head), requestedAt: .start, receivedAt: .start, unixSeconds: 1_794_916_800)
        let body = ByteBuffer(repeating: 0x61, count: bytes)
        return StoredAnswer(
            facts, status: 200, target: Array(target.utf8).span, lines: [UInt8]().span, body: [body], tags: [])
    }

    private static func key(_ text: String) -> KeyedHash {
        KeyedHash(value: Array(text.utf8).span, secret: (1, 2))
    }

    @Test("what counts as answers are answers, and not the lists of a target's variants")
    func totals() {
        let store = MemoryCacheStore(budget: 1 << 20)
        for target in ["a", "b"] {
            for variant in ["de", "en", "fr"] {
                store.insert(
                    Self.answer(target), for: Self.key(target), variant: Self.key(target + variant), names: Self.names)
            }
        }
        store.insert(Self.answer("c"), for: Self.key("c"))
        #expect(store.totals.answers == 7)
        #expect(store.remove(Self.key("a")) == 3 && store.totals.answers == 4)
        #expect(store.remove(Self.key("ben")) == 1 && store.totals.answers == 3)
        #expect(store.remove(Self.key("b")) == 2 && store.remove(Self.key("c")) == 1)
        #expect(store.totals.answers == 0)
        #expect(store.remove(Self.key("b")) == 0)
    }

    /// A list that was evicted left its answers behind: a purge of the target did not find them, and they were found
    /// again under the list that the next request made.
    @Test("a purge leaves no variant behind, whatever had to go before", arguments: 0..<20)
    func orphans(round: Int) {
        let store = MemoryCacheStore(budget: 1 << 20)
        func insert(_ variant: Int) {
            let key = Self.key("t\(round)")
            store.insert(Self.answer("t"), for: key, variant: Self.key("t\(round) \(variant)"), names: Self.names)
        }
        for variant in 0..<8 {
            insert(variant)
            // Asked for often enough to be among those that stay.
            for _ in 0..<4 { _ = store.find(Self.key("t\(round) \(variant)")) }
        }
        for number in 0..<300 { store.insert(Self.answer("x", bytes: 8000), for: Self.key("x\(round) \(number)")) }
        #expect(store.totals.evicted > 0 && store.totals.bytes <= 1 << 20)
        insert(8)
        store.remove(Self.key("t\(round)"))
        for variant in 0..<9 { #expect(store.peek(Self.key("t\(round) \(variant)")) == nil) }
    }
}
