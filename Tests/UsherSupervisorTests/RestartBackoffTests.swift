import Testing
import UsherCore
import UsherSupervisor

@Suite struct RestartBackoffTests {
    /// The full waits of the default configuration, in milliseconds.
    private static let ladder = [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000]

    @Test("waits double from 200 ms to 30 s and lose at most a quarter", arguments: [1, 2, 3, 4711] as [UInt64])
    func ladder(seed: UInt64) {
        var backoff = RestartBackoff()
        var random = SeededRandom(seed: seed)
        for full in Self.ladder {
            let wait = backoff.delay(afterRunOf: .milliseconds(5), random: &random)
            #expect(wait <= .milliseconds(full), "seed \(seed)")
            #expect(wait >= .milliseconds(full * 3 / 4), "seed \(seed)")
        }
    }

    @Test("a run that lasted long enough starts the ladder anew")
    func proven() {
        var backoff = RestartBackoff()
        var random = SeededRandom(seed: 7)
        for _ in 0..<6 { _ = backoff.delay(afterRunOf: .zero, random: &random) }
        #expect(backoff.delay(afterRunOf: .milliseconds(9999), random: &random) > .seconds(9))
        #expect(backoff.delay(afterRunOf: .seconds(10), random: &random) <= .milliseconds(200))
        #expect(backoff.delay(afterRunOf: .zero, random: &random) > .milliseconds(200))
    }

    @Test("replicas that fall together do not rise together")
    func spread() {
        var random = SeededRandom(seed: 11)
        let waits = (0..<50).map { _ in
            var backoff = RestartBackoff()
            return backoff.delay(afterRunOf: .zero, random: &random)
        }
        #expect(Set(waits).count > 25)
    }

    @Test(
        "odd configurations neither trap nor exceed the longest wait",
        arguments: [(60, 1), (0, 0), (1, Int64.max), (Int64.max, Int64.max)] as [(Int64, Int64)])
    func oddConfigurations(firstSeconds: Int64, longestSeconds: Int64) {
        var configuration = RestartBackoff.Configuration()
        configuration.first = .seconds(firstSeconds)
        configuration.longest = .seconds(longestSeconds)
        var backoff = RestartBackoff(configuration: configuration)
        var random = SeededRandom(seed: 3)
        for _ in 0..<200 {
            let wait = backoff.delay(afterRunOf: .zero, random: &random)
            #expect(wait <= configuration.longest && wait >= .zero)
        }
    }
}
