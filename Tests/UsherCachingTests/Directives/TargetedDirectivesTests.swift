import Testing
import UsherCaching

@Suite("Directives for caches like this one", .timeLimit(.minutes(1)))
struct TargetedDirectivesTests {
    @Test("RFC 9213 §2.2: a valid field counts instead of Cache-Control")
    func instead() throws {
        let read = try Heads.directives(
            "Cache-Control: no-store, s-maxage=5\nCDN-Cache-Control: max-age=60, public, stale-if-error=9\n")
        #expect(read.isTargeted && read.maxAge == 60 && read.isPublic && read.staleIfError == 9)
        #expect(!read.noStore && read.sharedMaxAge == nil)
    }

    @Test(
        "RFC 9213 §2.1: an empty or broken field is as if it were not there",
        arguments: [
            "", "   ", "max-age=60,", ",max-age=60", "max-age=60 public", "Max-Age=60", "max-age=", "max-age=\"60",
            "max-age=60;;", "max-age=60; =1", "max-age=1234567890123456", "max-age=1.", "max-age=1.2345",
            "x=1234567890123.5, max-age=60", "max-age=-",
            "max-age=?2", "max-age=:a", "max-age=(1 2", "max-age=(1,2)", "max-age=@x", "max-age=%\"%zz\"",
            "max-age=\u{7B}",
            "max-age=60, \"x\"", "max-age=60, public=\"a\\b\"", "max-age = 60", "no-store,,public", "é",
        ])
    func broken(value: String) throws {
        let read = try Heads.directives("CDN-Cache-Control: \(value)\nCache-Control: s-maxage=5\n")
        #expect(!read.isTargeted && read.sharedMaxAge == 5 && read.maxAge == nil && !read.noStore)
    }

    @Test(
        "RFC 9651 §4.2.2: the syntax of dictionaries is read whole",
        arguments: [
            "max-age=60;a;b=1;c=\"x\";d=?1, x=(1 \"a,b\" t;p=1 :YQ==:);q", "x=@-5,max-age=60", "  max-age=60 \t, x",
            "x=1.5, y=-12.25 , max-age=60", "x=*a:/b, max-age=60", "x=%\"a%c3%a4\",max-age=60", "x=(), max-age=60",
            "x=\"a\\\"\\\\, b\", *y.z_-=?0, max-age=60", "max-age=5, max-age=60", "max-age=60, no-store, no-store=?0",
            "x=( 1  2 ), max-age=60", "public=?0, max-age=60",
        ])
    func syntax(value: String) throws {
        var expected = ResponseDirectives()
        expected.isTargeted = true
        expected.maxAge = 60
        #expect(try Heads.directives("CDN-Cache-Control: \(value)\n") == expected)
    }

    @Test("RFC 9213 §2.1: values of another type than the directive's do not count; a negative number is stale")
    func types() throws {
        let read = try Heads.directives(
            "CDN-Cache-Control: max-age=\"60\", s-maxage=-5, no-store=1, stale-if-error=1.5, stale-while-revalidate\n")
        #expect(read.isTargeted && read.maxAge == nil && read.sharedMaxAge == 0 && !read.noStore)
        #expect(read.staleIfError == nil && read.staleWhileRevalidate == nil)
        #expect(try Heads.directives("CDN-Cache-Control: max-age=999999999999999\n").maxAge == 2_147_483_648)
    }

    @Test("RFC 9213 §2.1: every directive is read")
    func all() throws {
        let read = try Heads.directives(
            """
            CDN-Cache-Control: max-age=1, s-maxage=2, stale-while-revalidate=3, stale-if-error=4, no-store, no-cache
            CDN-Cache-Control: private, public, must-revalidate, proxy-revalidate, must-understand, no-transform
            CDN-Cache-Control: immutable, x-other

            """)
        let lax = try Heads.directives(
            """
            Cache-Control: max-age=1, s-maxage=2, stale-while-revalidate=3, stale-if-error=4, no-store, no-cache
            Cache-Control: private, public, must-revalidate, proxy-revalidate, must-understand, no-transform, immutable

            """)
        var expected = lax
        expected.isTargeted = true
        #expect(read == expected && !lax.isTargeted)
    }

    @Test("RFC 9213 §2.1: field names come in a string or a token, anything else means the whole answer")
    func names() throws {
        let read = try Heads.directives("CDN-Cache-Control: private=\"X-User, b\", no-cache=A\n")
        #expect(read.privateFields.map { Heads.text($0) } == ["x-user", "b"] && !read.isPrivate)
        #expect(read.noCacheFields.map { Heads.text($0) } == ["a"] && !read.noCache)
        #expect(try Heads.directives("CDN-Cache-Control: private=5, no-cache\n").isPrivate)
        #expect(try Heads.directives("CDN-Cache-Control: private=?0, no-cache\n").noCache)
    }

    @Test("RFC 9651 §4.2: lines of one field are one dictionary")
    func lines() throws {
        let read = try Heads.directives("CDN-Cache-Control: max-age=5\nCDN-Cache-Control: public, max-age=6\n")
        #expect(read.isTargeted && read.maxAge == 6 && read.isPublic)
        #expect(try !Heads.directives("CDN-Cache-Control: max-age=5\nCDN-Cache-Control: (\n").isTargeted)
    }

    @Test("RFC 9651 §4.2: random text is read whole or not at all")
    func fuzz() throws {
        let seed = Scribbler.seed()
        var scribbler = Scribbler(seed: seed)
        let morsels = [
            "max-age=", "60", ", ", ",", ";", "a", "=", "\"", "\\", "(", ")", "?1", "@", ":", "%\"", "-", ".", " ",
        ]
        for _ in 0..<5000 {
            let text = scribbler.text(morsels)
            let read = try Heads.directives("CDN-Cache-Control: \(text)\nCache-Control: no-store\n")
            #expect(read.isTargeted != read.noStore || text.contains("no-store"), "seed \(seed): \(text)")
            // What is whole stays so with one more member.
            let longer = try Heads.directives("CDN-Cache-Control: s-maxage=3, \(text)\n")
            #expect(!read.isTargeted || longer.sharedMaxAge == 3, "seed \(seed): \(text)")
        }
        for unit in ["(", "a=(", "\"", "a=\"\\\\\",", "a;b;", "a=1,", "%"] {
            _ = try Heads.directives("CDN-Cache-Control: \(String(repeating: unit, count: 100_000))\n")
        }
    }
}
