import Testing
import UsherSharding

@testable import UsherConfiguration

@Suite("What can be wrong with shards")
struct ShardedProblemTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var sharded: String
        var problems: [String]

        init(_ sharded: String, _ problems: String...) {
            self.sharded = sharded
            self.problems = problems
        }

        var testDescription: String { sharded }
    }

    private static let two = "shards: { s0: [a:1], s1: [b:1] }"

    /// Problems without file, line and the path to `sharded`.
    private static func problems(_ sharded: String, beside: String = "") -> [String] {
        do throws(ConfigurationProblems) {
            _ = try ConfigurationReader.read(
                text: "services: { web: { sharded: { \(sharded) }\(beside) } }", file: "/u.yaml", environment: [:])
            return []
        } catch {
            return error.problems.map { problem in
                "\(problem.keyPath.replacing("services.web.sharded.", with: "")): \(problem.message)"
            }
        }
    }

    @Test(
        "every mistake is told with its place and what to do",
        arguments: [
            Case(two, "services.web.sharded: needs the key 'key'"),
            Case("key: \"{path}\"", "services.web.sharded: needs one of the keys 'shards' and 'count'"),
            Case(
                "key: x, \(two)",
                "key: unknown variable '{x}'"),
            Case(
                "key: \"fixed{{\", \(two)",
                "key: is the same for every request, so one shard would get them all; add something like "
                    + "{header.x-user}"),
            Case("key: \"{path}\", shards: {}", "shards: must not be empty"),
            Case(
                "key: \"{path}\", shards: { s0: [a:1], \"s/1\": [b:1] }",
                "shards.s/1: 's/1' cannot be a shard's name: letters, digits, '-', '_', '.' and ':', at most 63, and "
                    + "not the word refuse"),
            Case(
                "key: \"{path}\", function: jump, shards: { s0: [a:1], s1: { replicas: [b:1], weight: 2 } }",
                "shards.s1: `jump` gives every shard the same share of the keys; leave out the weight of 's1' or use "
                    + "`rendezvous`"),
            Case(
                "key: \"{path}\", function: ranges, "
                    + "shards: { s0: { replicas: [a:1], from: b }, s1: { replicas: [b:1], from: m } }",
                "shards: no range begins at '', so the lowest keys belong to nobody; give one shard `from: \"\"`"),
            Case(
                "key: \"{path}\", function: map, "
                    + "shards: { s0: { replicas: [a:1], keys: [k] }, s1: { replicas: [b:1], keys: k } }",
                "function: map needs the key 'unlisted': where keys go that no shard lists (refuse, or a shard)",
                "shards.s1: 's0' and 's1' both list the key 'k'; remove one"),
            Case("key: \"{path}\", missing: s7, \(two)", "missing: there is no shard 's7' (did you mean 's0'?)"),
            Case(
                "key: \"{path}\", unlisted: s0, \(two)", "unlisted: has no effect beside `function: rendezvous`"),
            Case(
                "key: \"{path}\", at-most: 150%, \(two)",
                "at-most: sends keys to the next shard; say `overflow: next`, or take it away"),
            Case(
                "key: \"{source-address}\", normalise: [country], \(two)",
                "normalise: the step country needs the key 'countries': a file of `CIDR,CODE` lines"),
            Case(
                "key: \"{path}\", countries: c.csv, \(two)",
                "countries: has no effect: no part of the key has the step country"),
            Case("key: \"{path}\", count: 3", "count: needs the key 'replicas' beside it: { run: [command, ...] }"),
            Case(
                "key: \"{path}\", hot-keys: { copies: 1 }, \(two)", "hot-keys.copies: 1 is out of range: 2 to 256"),
            Case(
                "key: \"{path}\", function: map, unlisted: refuse, hot-keys: { across: shards }, "
                    + "shards: { s0: { replicas: [a:1], keys: k } }",
                "hot-keys: cannot be spread across shards with map: a key is where the file says; take `replicas`"),
            Case(
                "key: \"{path}\", dual-read: { until: tomorrow }, \(two)",
                "dual-read.until: 'tomorrow' is not a moment; write it as \"2026-12-01T00:00:00Z\""),
            Case(
                "key: \"{path}\", shards: { s0: { replicas: [a:1], keys: [k], from: m } }",
                "shards: `from` of 's0' has no effect beside `function: rendezvous`",
                "shards: `keys` of 's0' has no effect beside `function: rendezvous`"),
            Case("key: \"{path}\", body-limit: 17MiB, \(two)", "body-limit: 17MiB is out of range: 1KiB to 16MiB"),
        ])
    func mistakes(_ item: Case) {
        #expect(Self.problems(item.sharded) == item.problems)
    }

    @Test("a service is replicated or sharded, and a sharded one has no sessions but those inside a shard")
    func beside() {
        let sharded = "key: \"{path}\", \(Self.two)"
        #expect(Self.problems(sharded, beside: ", session: { hash: [path] }") == [])
        #expect(
            Self.problems(sharded, beside: ", replicas: [c:1]")
                == [
                    "services.web: has both 'sharded' and 'replicas'; the shards of a sharded service have the "
                        + "replicas"
                ])
        #expect(Self.problems(sharded, beside: ", session: { cookie: c }").count == 1)
        #expect(Self.problems(sharded + ", hot-keys: {}", beside: ", session: { hash: [path] }").count == 1)
    }

    @Test("shards are services of their own: with the keys beside `sharded`, and with {shard} filled in")
    func services() throws {
        let settings = try ConfigurationReader.read(
            text: """
                services:
                  web:
                    retries: { attempts: 5 }
                    sharded:
                      key: "{path}"
                      count: 2
                      replicas: { run: [app, "{shard}", "{port}"], count: 3 }
                """, file: "/u.yaml", environment: [:])
        let service = try #require(settings.services.first)
        let sharded = try #require(service.sharded)
        #expect(sharded.shards.map(\.name) == ["s0", "s1"])
        let shard = service.service(of: sharded.shards[1])
        #expect(shard.name == "web/s1" && shard.retries.attempts == 5 && shard.sharded == nil)
        guard case .run(let run) = shard.replicas else {
            Issue.record("not run")
            return
        }
        #expect(run.command == ["app", "s1", "{port}"] && run.count == 3)
    }

    @Test("what is written is read again as the same")
    func roundTrip() throws {
        let settings = try ConfigurationReader.read(
            text: completeConfiguration, file: "/etc/usher/u.yaml", environment: [:])
        let again = try ConfigurationReader.read(
            text: settingsJSON(settings), file: "/etc/usher/u.yaml", environment: [:])
        #expect(again.services.compactMap(\.sharded) == settings.services.compactMap(\.sharded))
        #expect(settings.services.compactMap(\.sharded).count == 4)
    }
}
