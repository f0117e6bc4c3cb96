import Testing

@testable import UsherConsole

@Suite struct TextStyleTests {
    /// One hour ahead of UTC; now is 2026-11-22T23:30:00Z, which is the 23rd there.
    static let time = LocalTime(now: 1_795_390_200, offset: { _ in 3600 })

    @Test(
        "a time is shown as a watch there shows it, with the date unless it is today's",
        arguments: [
            ("2026-11-22T23:10:05Z", "00:10:05"), ("2026-11-22T23:10:05.999Z", "00:10:05"),
            ("2026-11-22T22:59:59Z", "2026-11-22 23:59:59"), ("2026-11-23T00:00:00Z", "01:00:00"),
            ("2026-11-23T01:00:00+01:00", "01:00:00"), ("yesterday", "yesterday"), ("", ""),
            ("9999999-11-22T23:10:05Z", "9999999-11-22T23:10:05Z"),
        ])
    func times(text: String, shown: String) {
        #expect(Self.time.text(text) == shown)
    }

    @Test("a sentence is broken between words before the width, and goes on where it began")
    func wrapping() {
        let style = TextStyle(width: 40, time: Self.time)
        #expect(style.wrapped("one two", indent: 4) == "one two")
        let text = "the quick brown fox jumps over the lazy dog"
        #expect(style.wrapped(text, indent: 2) == "the quick brown fox jumps over the\n  lazy dog")
        let word = String(repeating: "x", count: 60)
        #expect(style.wrapped("a \(word) b", indent: 0) == "a\n\(word)\nb")
    }

    @Test("colours are written only where they are wanted, and each line ends its own")
    func colours() {
        #expect(TextStyle(time: Self.time).coloured("ready", .good) == "ready")
        let style = TextStyle(colour: true, width: 30, time: Self.time)
        #expect(style.coloured("ready", .good) == "\u{1b}[32mready\u{1b}[0m")
        #expect(style.coloured("ready", .none) == "ready")
        let broken = style.wrapped("the quick brown fox jumps over it", .bad, indent: 0)
        #expect(broken == "\u{1b}[31mthe quick brown fox jumps over\u{1b}[0m\n\u{1b}[31mit\u{1b}[0m")
    }

    @Test("what a server says cannot move the terminal's cursor or turn its text around")
    func control() {
        #expect(TextStyle.printable("a\u{1b}[2Jb\r\n\u{7f}\u{9b}c") == "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}\u{fffd}c")
        #expect(TextStyle.printable("x\u{202e}y") == "x\u{fffd}y")
        #expect(TextStyle.printable("x\u{2028}y\u{2029}") == "x\u{fffd}y\u{fffd}")
        #expect(TextStyle.printable("überall 10 %") == "überall 10 %")
    }
}
