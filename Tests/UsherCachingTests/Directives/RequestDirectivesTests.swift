import Testing
import UsherCaching

@Suite("Directives of requests", .timeLimit(.minutes(1)))
struct RequestDirectivesTests {
    private static func read(_ fields: String) throws -> RequestDirectives {
        try RequestDirectives(Heads.request(fields))
    }

    @Test("RFC 9111 §5.2.1: every directive is read, in any case")
    func all() throws {
        let read = try Self.read(
            """
            Cache-Control: NO-CACHE, no-store, Only-If-Cached
            Cache-Control: max-age=1, max-stale="2", min-fresh=3, stale-if-error=4, x="no, y"

            """)
        #expect(read.noCache && read.noStore && read.onlyIfCached && !read.isDefault)
        #expect(read.maxAge == 1 && read.maxStale == 2 && read.minFresh == 3 && read.staleIfError == 4)
    }

    @Test("RFC 9111 §5.2.1: most clients say nothing", arguments: ["", "Cache-Control: x\n", "Pragma: x\n"])
    func nothing(fields: String) throws {
        #expect(try Self.read(fields).isDefault)
        #expect(try Self.read(fields) == RequestDirectives())
    }

    @Test("RFC 9111 §5.2.1.2: max-stale without a number takes any stale answer")
    func anyStale() throws {
        #expect(try Self.read("Cache-Control: max-stale\n").maxStale == .max)
        #expect(try Self.read("Cache-Control: max-stale, max-stale=5\n").maxStale == 5)
        #expect(try Self.read("Cache-Control: max-stale=5, max-stale\n").maxStale == 5)
    }

    @Test("RFC 9111 §5.2.1: what is no number asks for nothing lax, and of two numbers the stricter counts")
    func strict() throws {
        let broken = try Self.read("Cache-Control: max-age=x, max-stale=-1, min-fresh=a, stale-if-error=\n")
        #expect(broken.maxAge == 0)
        #expect(broken.maxStale == nil && broken.minFresh == nil && broken.staleIfError == nil)
        let twice = try Self.read(
            "Cache-Control: max-age=5, max-age=4, min-fresh=1, min-fresh=2, stale-if-error=8, stale-if-error=9\n")
        #expect(twice.maxAge == 4 && twice.minFresh == 2 && twice.staleIfError == 8)
    }

    @Test("RFC 9111 §5.4: Pragma: no-cache counts only without Cache-Control")
    func pragma() throws {
        #expect(try Self.read("Pragma: no-cache\n").noCache)
        #expect(try Self.read("Pragma: x, No-Cache\n").noCache)
        #expect(try !Self.read("Pragma: no-cache\nCache-Control: max-age=5\n").noCache)
        #expect(try !Self.read("Pragma: no-cache\nCache-Control:\n").noCache)
    }

    @Test("RFC 9111 §5.2.1: random text hides nothing on another line")
    func fuzz() throws {
        let seed = Scribbler.seed()
        var scribbler = Scribbler(seed: seed)
        let morsels = ["max-age=", "max-stale", "min-fresh=", "\"", "\\", ",", " ", "=", "5", "99999999999999999999"]
        for _ in 0..<5000 {
            let text = scribbler.text(morsels)
            let read = try Self.read("Cache-Control: \(text)\nCache-Control: no-store, max-age=7\n")
            #expect(read.noStore && (0...7).contains(read.maxAge ?? -1), "seed \(seed): \(text)")
        }
    }
}
