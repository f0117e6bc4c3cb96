import Testing

@testable import UsherConsole

@Suite struct ShardsTextTests {
    private let text = ShardsText(TextStyle(time: TextStyleTests.time))

    private func shard(
        _ name: String, ready: Int = 2, replicas: Int = 2, requestsPerSecond: Double = 0, busy: Double = 0,
        top: [ShardReport.Key] = []
    ) -> ShardReport {
        ShardReport(
            name: name, weight: 1, keys: 0.25, ready: ready, replicas: replicas, requests: 9,
            requestsPerSecond: requestsPerSecond, busy: busy, bytesPerSecond: 0, spread: 0, overflowed: 0,
            askedEarlier: 0, top: top)
    }

    private func service(_ shards: [ShardReport], dark: Double = 0) -> ShardedServiceReport {
        ShardedServiceReport(
            service: "profiles", function: "rendezvous", epoch: 1, moved: nil, dualReadUntil: nil,
            expectedPeakToMean: nil, peakToMean: nil, dark: dark, windowSeconds: 60, shards: shards)
    }

    @Test("a service has a head with what is true of all its keys, and each shard a line")
    func table() async {
        #expect(
            text.text(await ScriptedSource().shards()) == """
                profiles: 3 shards by rendezvous, epoch 3, the last change moved 25.1 % of the keys
                  peak-to-mean 1.02 expected of the keys, 1.31 measured of the requests; rates are of the last 60 s
                  dual read until 00:40:00: earlier owners were asked 5 times
                  33.3 % of the keys dark: shards without a ready replica

                SHARD    KEYS  READY  REQUESTS/S  BUSY   BYTES/S  SPREAD  OVERFLOWED  TOP KEY    ITS SHARE
                s0     33.4 %    2/2       123.5  0.25  12.5 KiB      40           0  ada        41.0 % hot, 1 more hot
                s1     33.3 %    1/2       12.3k   2.5     1 MiB       0           7  <b>\\u{1b}  3.5 %
                s2     33.3 %    0/2         0.0   0.0       0 B       0           0
                """)
    }

    @Test("what is not known is left out, and a service that was never asked shows no numbers for it")
    func quiet() {
        let one = service([shard("s0")])
        #expect(
            text.text([one]) == """
                profiles: 1 shard by rendezvous, epoch 1
                  rates are of the last 60 s

                SHARD    KEYS  READY  REQUESTS/S  BUSY  BYTES/S  SPREAD  OVERFLOWED  TOP KEY  ITS SHARE
                s0     25.0 %    2/2         0.0   0.0      0 B       0           0
                """)
        var fresh = one
        fresh.windowSeconds = 0
        #expect(text.text([fresh]).contains("\n  no rates yet\n"))
        #expect(text.text([]) == "No shards: the configuration has no sharded service.")
    }

    @Test("of many shards the twenty busiest are shown, first the busiest, and how many there are besides")
    func many() {
        var shards = (0..<32).map { shard("s\($0)", busy: $0 == 30 ? 4 : Double($0 % 2)) }
        shards[0].ready = 0
        shards[2].ready = 0
        let shown = text.text([service(shards)])
        let lines = shown.split(separator: "\n")
        let names = lines.dropFirst(3).prefix(20).map { $0.prefix { $0 != " " } }
        #expect(names.first == "s30")
        #expect(Set(names.dropFirst().prefix(16)) == Set((0..<16).map { "s\(2 * $0 + 1)" }))
        #expect(names.suffix(3) == ["s0", "s2", "s4"])
        #expect(lines.last == "12 more shards are shown by --all.")
        shards[8].ready = 0
        #expect(
            text.text([service(shards)]).hasSuffix(
                "\n12 more shards are shown by --all, 1 of them without a ready replica."))
        let all = ShardsText(TextStyle(time: TextStyleTests.time), showsAll: true).text([service(shards)])
        #expect(all.split(separator: "\n").dropFirst(3).map { $0.prefix { $0 != " " } } == shards.map { "\($0.name)" })
    }

    @Test(
        "the share of dark keys is red, never rounded to none, and of shards where keys are listed",
        arguments: [
            (0.25, false, "25.0 % of the keys dark: shards without a ready replica"),
            (0.0004, false, "less than 0.1 % of the keys dark: shards without a ready replica"),
            (0.5, true, "50.0 % of the shards dark: shards without a ready replica"),
        ])
    func dark(share: Double, areKeysListed: Bool, line: String) {
        var listed = shard("s0")
        if areKeysListed { listed.keys = nil }
        let coloured = ShardsText(TextStyle(colour: true, time: TextStyleTests.time))
        let shown = coloured.text([service([listed], dark: share)])
        #expect(shown.contains("\n  \u{1b}[31m\(line)\u{1b}[0m\n"))
        #expect(!coloured.text([service([listed])]).contains("dark"))
    }

    @Test(
        "whatever a key is made of, it can neither leave its cell nor look hot",
        arguments: [
            ("a\u{1b}[2J\r\nb", "a\u{fffd}[2J\u{fffd}\u{fffd}b"), ("ada  99 % hot", "ada  99 % hot"),
            ("x\u{2028}y\u{202e}z\u{200b}", "x\u{fffd}y\u{fffd}z\u{fffd}"),
            (String(repeating: "k", count: 33), String(repeating: "k", count: 31) + "…"),
            ("a" + String(repeating: "\u{301}", count: 60), "a" + String(repeating: "\u{301}", count: 30) + "…"),
        ])
    func hostileKey(key: String, shown: String) {
        let one = shard("s0", top: [.init(key: key, share: 0.1, hot: false)])
        let lines = text.text([service([one])]).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 5)
        let cell = shown + String(repeating: " ", count: max("TOP KEY".count - shown.count, 0))
        #expect(lines.last?.hasSuffix("  0  \(cell)  10.0 %") == true, "\(lines.last ?? "")")
    }

    @Test("numbers that no gateway gives do not end the command", arguments: [-1, 1e300, .infinity] as [Double])
    func absurd(value: Double) {
        var one = shard("s0", requestsPerSecond: value, busy: value)
        one.bytesPerSecond = value
        var whole = service([one])
        whole.windowSeconds = value
        #expect(text.text([whole]).contains("s0"))
    }
}
