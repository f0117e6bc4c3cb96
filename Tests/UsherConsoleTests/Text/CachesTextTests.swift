import Testing

@testable import UsherConsole

@Suite struct CachesTextTests {
    @Test("each cache has a line with what it holds, may hold, and how often it had the answer")
    func table() async {
        let shown = CachesText(TextStyle(time: TextStyleTests.time)).text(await ScriptedSource().caches())
        #expect(
            shown == """
                CACHE   ANSWERS    MEMORY       OF  REQUESTS  HIT RATIO  EVICTIONS
                pages        12  33.7 KiB  256 MiB        32     21.9 %          3
                unused        0       0 B    1 MiB         0          -          0
                """)
    }

    @Test("status shows caches below services, if there are any")
    func status() async {
        let text = StatusText(TextStyle(time: TextStyleTests.time))
        let services = await ScriptedSource().services()
        #expect(text.text(services, []) == text.services(services))
        let caches = await ScriptedSource().caches()
        #expect(text.text(services, caches).hasPrefix(text.services(services) + "\n\nCACHE "))
    }

    @Test(
        "bytes are written in the largest unit of which there is one",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1 << 20, "1 MiB"),
            ((1 << 20) - 1, "1023.9 KiB"), (5 << 30, "5 GiB"), (3 << 40, "3 TiB"),
        ])
    func bytes(count: Int, text: String) {
        #expect(CachesText.bytes(count) == text)
    }
}
