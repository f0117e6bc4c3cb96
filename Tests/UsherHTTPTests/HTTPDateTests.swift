import NIOCore
import Testing
import UsherCore
import UsherHTTP

@Suite("reading dates", .timeLimit(.minutes(1)))
struct HTTPDateTests {
    /// 17 November 2026, noon.
    private static let now = 1_794_916_800

    private static func read(_ text: String, now: Int = now) -> Int? {
        let bytes = Array(text.utf8)
        return HTTPDate.read(bytes.span, now: now)
    }

    @Test(
        "RFC 9110 §5.6.7: all three forms are read, in any case",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
            "SUN, 06 NOV 1994 08:49:37 gmt", "sunday, 06-nov-94 08:49:37 Gmt", "sun nov  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT", "Wednesday, 06-Nov-94 08:49:37 GMT",
        ])
    func forms(text: String) {
        #expect(Self.read(text) == 784_111_777)
    }

    @Test(
        "RFC 9110 §5.6.7: the edges of months, years and days",
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400), ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799), ("Fri, 30 Jun 2015 23:59:60 GMT", 1_435_708_799),
            ("Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200), ("Tue Nov 17 12:00:00 2026", 1_794_916_800),
        ])
    func edges(text: String, seconds: Int) {
        #expect(Self.read(text) == seconds)
    }

    @Test(
        "RFC 9110 §5.6.7: of two digits the year is the one at most 50 years ahead",
        arguments: [
            ("Friday, 01-Jan-76 00:00:00 GMT", "Wed, 01 Jan 2076 00:00:00 GMT"),
            ("Friday, 01-Jan-77 00:00:00 GMT", "Sat, 01 Jan 1977 00:00:00 GMT"),
            ("Friday, 01-Jan-00 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"),
            ("Friday, 01-Jan-26 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ])
    func shortYears(short: String, full: String) {
        #expect(Self.read(short) != nil)
        #expect(Self.read(short) == Self.read(full))
    }

    @Test(
        "RFC 9111 §4.2: everything else is no date",
        arguments: [
            "", "0", "-1", "now", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 1995 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
            "Sun, 06 Nov 1994 08:00:61 GMT", "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
            " Sun, 06 Nov 1994 08:49:37 GMT", "Sun,  06 Nov 1994 08:49:37 GMT", "Xyz, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Xyz 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sundays, 06-Nov-94 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994", "Sun Nov 06 08:49:37 1994 GMT", "Sun Nov  6 08:49:37 94",
            "06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z", "784111777", "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov--4 08:49:37 GMT", "Sun, 06 Nov 1994 08.49.37 GMT",
        ])
    func others(text: String) {
        #expect(Self.read(text) == nil)
    }

    @Test("RFC 9110 §5.6.7: what is written is read again")
    func roundTrip() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<20_000 {
            let seconds = random.below(253_402_300_800)
            var out = ByteBuffer()
            HTTPDate.write(unixSeconds: seconds, to: &out)
            #expect(Self.read(String(buffer: out)) == seconds, "seed \(seed)")
        }
    }

    @Test("RFC 9110 §5.6.7: a changed byte is another date or none, and nothing worse")
    func fuzz() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let forms = [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        ]
        for _ in 0..<20_000 {
            var bytes = Array(forms[random.below(3)].utf8)
            for _ in 0...random.below(3) {
                let place = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes[place] = UInt8(random.below(256))
                case 1: bytes.insert(UInt8(random.below(256)), at: place)
                default: bytes.remove(at: place)
                }
            }
            let seconds = HTTPDate.read(bytes.span, now: Int(truncatingIfNeeded: random.next()))
            if let seconds { #expect((-62_167_219_200...253_402_300_799).contains(seconds), "seed \(seed)") }
        }
    }
}
