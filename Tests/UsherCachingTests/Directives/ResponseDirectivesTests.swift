import Testing
import UsherCaching

@Suite("Directives of answers", .timeLimit(.minutes(1)))
struct ResponseDirectivesTests {
    @Test("RFC 9111 §5.2.2: every directive is read, in any case")
    func all() throws {
        let read = try Heads.directives(
            """
            Cache-Control: MAX-AGE=1, S-MaxAge=2, no-store, No-Cache, private, public
            cache-control: must-revalidate, proxy-revalidate,must-understand , no-transform, x-other=5

            """)
        #expect(read.maxAge == 1 && read.sharedMaxAge == 2)
        #expect(read.noStore && read.noCache && read.isPrivate && read.isPublic)
        #expect(read.mustRevalidate && read.proxyRevalidate && read.mustUnderstand && read.noTransform)
        #expect(!read.isImmutable && !read.isTargeted && read.staleIfError == nil)
    }

    @Test("RFC 9111 §5.2: an answer that says nothing has no directives")
    func nothing() throws {
        #expect(try Heads.directives("") == ResponseDirectives())
        #expect(try Heads.directives("Cache-Control:\n") == ResponseDirectives())
        #expect(try Heads.directives("Cache-Control: , ,,\t,\n") == ResponseDirectives())
        #expect(try Heads.directives("Pragma: no-cache\n") == ResponseDirectives())
    }

    @Test(
        "RFC 9111 §1.2.2: numbers of seconds, quoted or not; what is none makes the answer stale",
        arguments: [
            ("max-age=60", 60), ("max-age=\"60\"", 60), ("max-age=0060", 60), ("max-age=0", 0), ("max-age=-1", 0),
            ("max-age=1.5", 0), ("max-age=+1", 0), ("max-age", 0), ("max-age=", 0), ("max-age=\"\"", 0),
            ("max-age=1h", 0), ("max-age =60", 0), ("max-age= 60", 0), ("max-age=60 public", 0), ("max-age=\"60", 0),
            ("max-age=60;x", 0), ("max-age=\"6\\0\"", 0), ("max-age=2147483648", 2_147_483_648),
            ("max-age=2147483649", 2_147_483_648), ("max-age=\(String(repeating: "9", count: 4000))", 2_147_483_648),
        ])
    func seconds(value: String, expected: Int) throws {
        #expect(try Heads.directives("Cache-Control: \(value)\n").maxAge == expected)
        let shared = value.replacing("max-age", with: "s-maxage")
        #expect(try Heads.directives("Cache-Control: \(shared)\n").sharedMaxAge == expected)
    }

    @Test("RFC 5861 §3, §4: windows; what is no number gives none")
    func windows() throws {
        let read = try Heads.directives("Cache-Control: stale-while-revalidate=5, stale-if-error=\"6\"\n")
        #expect(read.staleWhileRevalidate == 5 && read.staleIfError == 6)
        let broken = try Heads.directives("Cache-Control: stale-while-revalidate=-5, stale-if-error\n")
        #expect(broken.staleWhileRevalidate == nil && broken.staleIfError == nil)
    }

    @Test(
        "RFC 9111 §4.2.1: a directive that contradicts itself makes the answer stale",
        arguments: [
            ("max-age=60, max-age=60", 60), ("max-age=60, max-age=61", 0), ("max-age=61, max-age=60, max-age=61", 0),
            ("max-age=60, max-age", 0), ("max-age=60\nCache-Control: max-age=5", 0),
        ])
    func contradictions(value: String, expected: Int) throws {
        #expect(try Heads.directives("Cache-Control: \(value)\n").maxAge == expected)
    }

    @Test("RFC 8246 §2: immutable")
    func immutable() throws {
        #expect(try Heads.directives("Cache-Control: max-age=5, immutable\n").isImmutable)
        #expect(try Heads.directives("Cache-Control: immutable=1\n").isImmutable)
    }

    @Test("RFC 9111 §5.2.2.4, §5.2.2.7: qualified forms name fields, in either form of argument")
    func qualified() throws {
        let read = try Heads.directives(
            "Cache-Control: private=\"X-User, Set-Cookie\", no-cache=Age, no-cache=\"A,,B\", max-age=1\n")
        #expect(read.privateFields.map { Heads.text($0) } == ["x-user", "set-cookie"])
        #expect(read.noCacheFields.map { Heads.text($0) } == ["age", "a", "b"])
        #expect(!read.isPrivate && !read.noCache && read.maxAge == 1)
    }

    @Test(
        "RFC 9111 §5.2.2.7: a list that cannot be read means the whole answer",
        arguments: [
            "private=\"\"", "private=", "private=\" , \"", "private=\"a b\"", "private=\"a;b\"", "private=\"x",
            "private =\"x\"", "private=\"x\"y", "private=a/b", "private=\"a\\\"b\"",
            "private=\"\(Array(repeating: "a", count: 33).joined(separator: ","))\"",
        ])
    func whole(value: String) throws {
        #expect(try Heads.directives("Cache-Control: \(value)\n").isPrivate)
        #expect(try Heads.directives("Cache-Control: \(value.replacing("private", with: "no-cache"))\n").noCache)
    }

    @Test("RFC 9110 §5.6.4: commas in quotes part nothing, and no quote that stays open hides what follows")
    func quotes() throws {
        let quoted = try Heads.directives("Cache-Control: x=\"no-store, max-age=5\\\", private\", public\n")
        #expect(!quoted.noStore && quoted.maxAge == nil && !quoted.isPrivate && quoted.isPublic)
        let open = try Heads.directives("Cache-Control: x=\"a, no-store, private=\"b, no-cache\n")
        #expect(open.noCache)
        let last = try Heads.directives("Cache-Control: x=\"a, no-store, y=\"\n")
        #expect(!last.noStore)
        let alone = try Heads.directives("Cache-Control: x=\", no-store\n")
        #expect(alone.noStore)
        let escaped = try Heads.directives("Cache-Control: x=\"a\\\", no-store\n")
        #expect(escaped.noStore)
    }

    @Test("RFC 9111 §5.2: elements that are no directives are passed over")
    func strangers() throws {
        let read = try Heads.directives("Cache-Control: \"no-store\", =5, (), max-age=7, @\n")
        #expect(!read.noStore && read.maxAge == 7)
        #expect(try Heads.directives("Cache-Control: no-store please\n").noStore)
        #expect(try Heads.directives("Cache-Control: no-store=\"x\n").noStore)
    }

    @Test("RFC 9111 §5.2: hostile values take time that grows with their length")
    func hostile() throws {
        for unit in ["\"", "a=\"", "\\\"", "private=\"a\",", ",", "a=\"\\", "x=\"b\","] {
            let value = String(repeating: unit, count: 500_000 / unit.utf8.count)
            let read = try Heads.directives("Cache-Control: \(value)\n")
            #expect(read.privateFields.count <= ResponseDirectives.fieldsMaximum)
        }
    }

    @Test("RFC 9111 §5.2: random text changes nothing of a directive on another line, and stays in bounds")
    func fuzz() throws {
        let seed = Scribbler.seed()
        var scribbler = Scribbler(seed: seed)
        let morsels = ["max-age=", "private", "no-cache=", "\"", "\\", ",", " ", "=", "5", "-1", ";", "public", "a"]
        for _ in 0..<5000 {
            let text = scribbler.text(morsels)
            let read = try Heads.directives("Cache-Control: \(text)\nCache-Control: no-store, s-maxage=9\n")
            #expect(read.noStore, "seed \(seed): \(text)")
            #expect(read.sharedMaxAge == 9 || text.contains("s-maxage"), "seed \(seed): \(text)")
            #expect((0...2_147_483_648).contains(read.maxAge ?? 0), "seed \(seed): \(text)")
        }
    }

    @Test("RFC 9111 §3.2: directives of stored lines are those of the answer")
    func stored() throws {
        let fields = [
            "Cache-Control: max-age=5, private=\"x\"\nCache-Control: s-maxage=6\n",
            "CDN-Cache-Control: max-age=5\nCache-Control: no-store\n", "CDN-Cache-Control: @\nCache-Control: public\n",
            "", "CDN-Cache-Control: max-age=5\nCDN-Cache-Control: public\n",
        ]
        for fields in fields {
            let lines = try Heads.lines(fields)
            let stored = ResponseDirectives(stored: lines.span)
            #expect(try stored == Heads.directives(fields))
        }
    }
}
