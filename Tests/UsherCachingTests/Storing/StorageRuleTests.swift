import Testing
import UsherCaching

@Suite("Which answers are stored", .timeLimit(.minutes(1)))
struct StorageRuleTests {
    private static let plain = StorageRequest(isGet: true, isAuthorized: false, hasNoStore: false)

    private static func judge(
        _ fields: String, status: Int = 200, _ request: StorageRequest = plain
    ) throws -> StorageVerdict {
        let head = try Heads.response(fields, status: status)
        let facts = try Noon.facts(fields, status: status)
        return StorageRule.judge(request, head, ResponseDirectives(head), facts)
    }

    @Test("RFC 9111 §3: a fresh answer to GET is stored, to another method not")
    func method() throws {
        #expect(try Self.judge("Cache-Control: max-age=5\n") == .store)
        let other = StorageRequest(isGet: false, isAuthorized: false, hasNoStore: false)
        #expect(try Self.judge("Cache-Control: max-age=5\n", other) == .refuse(.method))
    }

    @Test("RFC 9111 §3: interim answers, parts and answers to conditions are never stored")
    func status() throws {
        for status in [100, 101, 103, 206, 304, 412, 416, 428, 429, 431, 511] {
            let verdict = try Self.judge("Cache-Control: max-age=5, public\n", status: status)
            #expect(verdict == .refuse(.status), "\(status)")
        }
    }

    @Test("RFC 9111 §3: with explicit freshness any other final status is stored, also an unknown one")
    func explicit() throws {
        for status in [200, 201, 302, 307, 403, 404, 418, 500, 503, 599, 799] {
            #expect(try Self.judge("Cache-Control: max-age=5\n", status: status) == .store, "\(status)")
            #expect(try Self.judge("Expires: \(Noon.date(5))\n", status: status) == .store, "\(status)")
            #expect(try Self.judge("CDN-Cache-Control: max-age=5\n", status: status) == .store, "\(status)")
        }
    }

    @Test("RFC 9111 §3: without explicit freshness only statuses that allow a guess are stored")
    func heuristic() throws {
        let changed = "Last-Modified: \(Noon.date(-1000))\n"
        for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
            #expect(try Self.judge(changed, status: status) == .store, "\(status)")
        }
        for status in [201, 302, 307, 403, 500, 503] {
            #expect(try Self.judge(changed, status: status) == .refuse(.notCacheable), "\(status)")
            #expect(try Self.judge("\(changed)Cache-Control: public\n", status: status) == .store, "\(status)")
        }
    }

    @Test("RFC 9111 §5.2.1.5, §5.2.2.5: neither side's no-store is passed over")
    func noStore() throws {
        #expect(try Self.judge("Cache-Control: max-age=5, no-store\n") == .refuse(.noStore))
        let request = StorageRequest(isGet: true, isAuthorized: false, hasNoStore: true)
        #expect(try Self.judge("Cache-Control: max-age=5\n", request) == .refuse(.noStore))
        #expect(try Self.judge("Cache-Control: max-age=5, no-store, must-understand\n", request) == .refuse(.noStore))
    }

    @Test("RFC 9111 §5.2.2.3: must-understand goes before no-store, for statuses that are understood")
    func mustUnderstand() throws {
        let fields = "Cache-Control: max-age=5, no-store, must-understand\n"
        for status in [200, 203, 301, 302, 404, 410, 500, 503] {
            #expect(try Self.judge(fields, status: status) == .store, "\(status)")
        }
        for status in [206, 208, 226, 304, 418, 599] {
            #expect(try Self.judge(fields, status: status) == .refuse(.status), "\(status)")
        }
    }

    @Test("RFC 9111 §5.2.2.7: private answers are not stored, those with private fields are")
    func isPrivate() throws {
        #expect(try Self.judge("Cache-Control: max-age=5, private\n") == .refuse(.isPrivate))
        #expect(try Self.judge("Cache-Control: max-age=5, private, public\n") == .refuse(.isPrivate))
        #expect(try Self.judge("Cache-Control: max-age=5, private=\"x\"\n") == .store)
        #expect(try Self.judge("CDN-Cache-Control: max-age=5\nCache-Control: private\n") == .store)
    }

    @Test(
        "RFC 9111 §3.5: answers to requests with credentials need permission",
        arguments: [
            ("max-age=5", false), ("max-age=5, public", true), ("max-age=5, must-revalidate", true),
            ("s-maxage=5", true), ("max-age=5, proxy-revalidate", false), ("max-age=5, no-cache", false),
        ])
    func authorization(directives: String, isStored: Bool) throws {
        let request = StorageRequest(isGet: true, isAuthorized: true, hasNoStore: false)
        let verdict = try Self.judge("Cache-Control: \(directives)\n", request)
        #expect(verdict == (isStored ? .store : .refuse(.authorization)))
    }

    @Test("RFC 9111 §7.3: an answer with a cookie is stored when it is public, or when the cookie is not")
    func cookies() throws {
        let cookie = "Set-Cookie: a=b\nCache-Control: max-age=5"
        #expect(try Self.judge("\(cookie)\n") == .refuse(.setCookie))
        #expect(try Self.judge("\(cookie), s-maxage=5\n") == .refuse(.setCookie))
        #expect(try Self.judge("\(cookie), public\n") == .store)
        #expect(try Self.judge("\(cookie), private=\"Set-Cookie\"\n") == .store)
        #expect(try Self.judge("\(cookie), no-cache=set-cookie\n") == .store)
        // Some services read this name as the other one, so it is as good as that.
        #expect(try Self.judge("Set_Cookie: a=b\nCache-Control: max-age=5\n") == .refuse(.setCookie))
    }

    @Test(
        "RFC 9111 §4.1: what was chosen by anything, or by too much, is not stored",
        arguments: ["*", "a, *", "*, a", "a\nVary: *", "a b", "(", (0..<17).map { "x\($0)" }.joined(separator: ",")])
    func vary(value: String) throws {
        #expect(try Self.judge("Cache-Control: max-age=5\nVary: \(value)\n") == .refuse(.vary))
    }

    @Test("what could neither be used nor validated is not stored")
    func useless() throws {
        #expect(try Self.judge("") == .refuse(.uselessNow))
        #expect(try Self.judge("Cache-Control: max-age=0\n") == .refuse(.uselessNow))
        #expect(try Self.judge("Cache-Control: max-age=5\nAge: 5\n") == .refuse(.uselessNow))
        #expect(try Self.judge("Cache-Control: max-age=5, no-cache\n") == .refuse(.uselessNow))
        #expect(try Self.judge("Expires: 0\n") == .refuse(.uselessNow))
        #expect(try Self.judge("Cache-Control: max-age=0, stale-while-revalidate=0\n") == .refuse(.uselessNow))
        for fields in [
            "ETag: \"a\"\n", "Last-Modified: \(Noon.date(10))\n", "Cache-Control: no-cache\nETag: W/\"a\"\n",
            "Cache-Control: max-age=0, stale-if-error=5\n", "Cache-Control: max-age=0, stale-while-revalidate=5\n",
        ] {
            #expect(try Self.judge(fields) == .store)
        }
    }

    @Test("RFC 9211 §2.8: every refusal is one token")
    func words() {
        for refusal in StorageRefusal.allCases {
            #expect(refusal.word.description.allSatisfy { $0.isLowercase || $0 == "-" })
        }
        #expect(Set(StorageRefusal.allCases.map { $0.word.description }).count == StorageRefusal.allCases.count)
    }
}
