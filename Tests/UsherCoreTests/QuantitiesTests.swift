import Testing
import UsherCore

@Suite struct QuantitiesTests {
    @Test(
        "durations are read in each unit, also with a fraction",
        arguments: [
            ("250ms", Duration.milliseconds(250)), ("2s", .seconds(2)), ("5m", .seconds(300)), ("1h", .seconds(3600)),
            ("30d", .seconds(2_592_000)), ("1.5s", .milliseconds(1500)), ("0.5ms", .microseconds(500)),
            ("7us", .microseconds(7)),
            ("0s", .zero), ("007s", .seconds(7)),
        ])
    func duration(text: String, expected: Duration) throws {
        #expect(try Duration(text: text) == expected)
    }

    @Test(
        "a wrong duration says what is wrong",
        arguments: [
            ("250", "needs a unit: 250ms, 2s, 5m, 1h, 30d"),
            ("0", "needs a unit: 250ms, 2s, 5m, 1h, 30d"),
            ("", "'' is not understood; write it like 250ms, 2s, 5m, 1h, 30d"),
            ("ms", "'ms' is not understood; write it like 250ms, 2s, 5m, 1h, 30d"),
            ("-2s", "'-2s' is not understood; write it like 250ms, 2s, 5m, 1h, 30d"),
            ("2sec", "unknown unit 'sec'; the units are us, ms, s, m, h, d"),
            ("2 s", "unknown unit ' s'; the units are us, ms, s, m, h, d"),
            ("2S", "unknown unit 'S'; the units are us, ms, s, m, h, d"),
            ("1.s", "has a point without digits behind it"),
            ("1.2.3s", "unknown unit '.3s'; the units are us, ms, s, m, h, d"),
            ("0.0000001s", "'0.0000001s' is too large or too fine"),
            ("999999999999999d", "'999999999999999d' is too large or too fine"),
            ("1000000000000000s", "has more than 15 digits"),
            ("٣s", "'٣s' is not understood; write it like 250ms, 2s, 5m, 1h, 30d"),
        ])
    func wrongDuration(text: String, message: String) {
        #expect(throws: TextProblem(message)) { try Duration(text: text) }
    }

    @Test(
        "sizes are binary",
        arguments: [
            ("240B", 240), ("16KiB", 16384), ("64MiB", 67_108_864), ("1GiB", 1_073_741_824),
            ("1TiB", 1_099_511_627_776),
            ("1.5KiB", 1536), ("0B", 0),
        ])
    func size(text: String, bytes: Int) throws {
        #expect(try ByteCount(text: text).bytes == bytes)
    }

    @Test(
        "a wrong size says what is wrong",
        arguments: [
            ("16", "needs a unit: 240B, 16KiB, 64MiB, 1GiB"),
            ("16KB", "unknown unit 'KB'; the units are B, KiB, MiB, GiB, TiB"),
            ("1.5B", "'1.5B' is too large or too fine"),
            ("999999999999999TiB", "'999999999999999TiB' is too large or too fine"),
            ("none", "'none' is not understood; write it like 240B, 16KiB, 64MiB, 1GiB"),
        ])
    func wrongSize(text: String, message: String) {
        #expect(throws: TextProblem(message)) { try ByteCount(text: text) }
    }

    @Test(
        "rates have a count and a span",
        arguments: [
            ("100/s", 100, Duration.seconds(1), 100.0), ("60/min", 60, .seconds(60), 1),
            ("1000/h", 1000, .seconds(3600), 1 / 3.6),
            ("1/d", 1, .seconds(86400), 1.0 / 86400), ("0/s", 0, .seconds(1), 0),
        ])
    func rate(text: String, count: Int, per: Duration, perSecond: Double) throws {
        let rate = try Rate(text: text)
        #expect(rate == Rate(count: count, per: per))
        #expect(abs(rate.perSecond - perSecond) < 1e-9)
        #expect(rate.description == text)
    }

    @Test(
        "a wrong rate says what is wrong",
        arguments: [
            ("100", "needs a unit: 100/s, 60/min, 1000/h, 1/d"),
            ("100/m", "unknown unit '/m'; write a rate like 100/s, 60/min, 1000/h, 1/d"),
            ("100s", "unknown unit 's'; write a rate like 100/s, 60/min, 1000/h, 1/d"),
            ("0.5/s", "'0.5/s' is not a whole number; choose a longer span, such as 100/s, 60/min, 1000/h, 1/d"),
            ("/s", "'/s' is not a rate; write it like 100/s, 60/min, 1000/h, 1/d"),
        ])
    func wrongRate(text: String, message: String) {
        #expect(throws: TextProblem(message)) { try Rate(text: text) }
    }

    @Test("byte rates are bytes a second", arguments: [("240B/s", 240), ("1MiB/s", 1_048_576), ("0B/s", 0)])
    func byteRate(text: String, bytesPerSecond: Int) throws {
        #expect(try ByteRate(text: text).bytesPerSecond == bytesPerSecond)
        #expect(try ByteRate(text: text) == ByteRate(text: ByteRate(text: text).description))
    }

    @Test(
        "shares are exact to a millionth",
        arguments: [
            ("20%", 200_000), ("12.5%", 125_000), ("0.0001%", 1), ("100%", 1_000_000), ("125%", 1_250_000), ("0%", 0),
        ])
    func share(text: String, partsPerMillion: Int) throws {
        let share = try Share(text: text)
        #expect(share.partsPerMillion == partsPerMillion)
        #expect(share.description == text)
        #expect(share.fraction == Double(partsPerMillion) / 1e6)
    }

    @Test(
        "a wrong share says what is wrong",
        arguments: [
            ("20", "needs a unit: 5%, 12.5%, 100%"), ("0.00001%", "'0.00001%' is too large or too fine"),
            ("10001%", "'10001%' is more than 10000%"),
        ])
    func wrongShare(text: String, message: String) {
        #expect(throws: TextProblem(message)) { try Share(text: text) }
    }

    @Test("a share from a fraction is rounded, and nonsense is none")
    func shareOfFraction() {
        #expect(Share(fraction: 0.1) == Share(percent: 10))
        #expect(Share(fraction: 1.0 / 3).partsPerMillion == 333_333)
        #expect(Share(fraction: .nan).partsPerMillion == 0)
        #expect(Share(fraction: .infinity).partsPerMillion == 0)
    }

    @Test("every quantity's text reads back as the same quantity")
    func roundTrip() throws {
        let seed: UInt64 = 20_261_122
        var random = SeededRandom(seed: seed)
        for _ in 0..<2000 {
            let duration = Duration.microseconds(random.below(1 << random.below(50)))
            let size = ByteCount(bytes: random.below(1 << random.below(49)))
            let share = Share(partsPerMillion: random.below(100_000_000))
            #expect(try Duration(text: duration.text) == duration, "seed \(seed)")
            #expect(try ByteCount(text: size.description) == size, "seed \(seed)")
            #expect(try Share(text: share.description) == share, "seed \(seed)")
        }
    }

    @Test("a text with control characters is shown on one line")
    func shownText() {
        #expect(throws: TextProblem("'a\\u{a}b\\u{1b}' is not understood; write it like 240B, 16KiB, 64MiB, 1GiB")) {
            try ByteCount(text: "a\nb\u{1B}")
        }
        #expect(
            throws: TextProblem(
                "unknown unit '\(String(repeating: "x", count: 80))…'; the units are B, KiB, MiB, GiB, TiB")
        ) {
            try ByteCount(text: "1" + String(repeating: "x", count: 5000))
        }
    }

    @Test("products that do not fit saturate")
    func saturation() {
        #expect(ByteCount.gibibytes(.max).bytes == .max)
        #expect(ByteCount.kibibytes(.min).bytes == .min)
        #expect(Share(percent: .max).partsPerMillion == .max)
    }
}
