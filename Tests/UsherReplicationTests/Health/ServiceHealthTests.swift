import Testing
import UsherCore
import UsherReplication

/// A service of `count` endpoints 0, 1, 2…, ready since long ago, and the events of a test in short.
struct HealthBench {
    var health: ServiceHealth
    var now = MonotonicTime.start.advanced(by: .seconds(1_000))

    /// - Parameter isReady: false leaves all of them `starting`.
    init(
        _ count: Int, readiness: ReadinessMachine.Configuration? = .init(),
        ejection: EjectionPolicy? = EjectionPolicy(),
        isReady: Bool = true
    ) {
        health = ServiceHealth(.init(readiness: readiness, ejection: ejection))
        for index in 0..<count { _ = health.add(EndpointID(Int32(index)), readyAtOnce: isReady, now: now) }
        wait(.seconds(1_000))
    }

    mutating func wait(_ duration: Duration) {
        now = now.advanced(by: duration)
    }

    @discardableResult
    mutating func eject(_ index: Int) -> [ServiceHealth.Change] {
        health.failuresSeen(EndpointID(Int32(index)), cause: .consecutive(5), now: now)
    }

    /// Lets time pass up to the moment when it is due; how long that was.
    mutating func waitForDeadline() -> Duration {
        guard let deadline = health.nextDeadline else { return .zero }
        let waited = deadline.elapsed(since: now)
        now = deadline
        _ = health.timePassed(now: now)
        return waited
    }

    func word(_ index: Int) -> String { health.condition(of: EndpointID(Int32(index)))?.word ?? "unknown" }

    func availability(_ index: Int) -> EndpointAvailability { health.availability(of: EndpointID(Int32(index))) }

    /// S/F: a check succeeded or failed, D: the process died, c/o: a connection failed or came about, e: failures were
    /// seen, p: a pause was asked for, d/u: drain and undrain, t: 11 s pass; all of endpoint 0.
    mutating func happen(_ event: Character) -> [ServiceHealth.Change] {
        let id = EndpointID(0)
        switch event {
        case "S": return health.probeSucceeded(id, now: now)
        case "F": return health.probeFailed(id, reason: "status 503", now: now)
        case "D": return health.replicaDied(id, reason: "its process ended", now: now)
        case "c": return health.connectFailed(id, reason: "connection refused", now: now)
        case "o": return health.connectSucceeded(id, now: now)
        case "e": return eject(0)
        case "p": return health.pauseAsked(id, for: .seconds(5), now: now)
        case "d": return health.drain(id, now: now)
        case "u": return health.undrain(id, now: now)
        default:
            wait(.seconds(11))
            return health.timePassed(now: now)
        }
    }
}

@Suite struct ServiceHealthTests {
    @Test(
        "events lead to the condition that matters most",
        arguments: [
            ("", "ready"), ("F", "ready"), ("FFF", "unready"), ("FFFS", "unready"), ("FFFSS", "ready"),
            ("c", "unreachable"), ("co", "ready"), ("cS", "ready"), ("cFFF", "unready"), ("cFFFo", "unready"),
            ("cFFFSS", "ready"), ("cc", "unreachable"), ("cco", "ready"),
            ("e", "ejected"), ("et", "ready"), ("ee", "ejected"), ("ec", "unreachable"), ("eco", "ejected"),
            ("ecto", "ready"), ("eFFF", "unready"), ("eFFFSS", "ejected"), ("eFFFSSt", "ready"),
            ("p", "paused"), ("pt", "ready"), ("pe", "paused"), ("ep", "ejected"), ("pc", "unreachable"),
            ("d", "drained"), ("du", "ready"), ("dFFF", "drained"), ("dFFFu", "unready"), ("dFFFSSu", "ready"),
            ("dc", "drained"), ("dcu", "unreachable"), ("dcou", "ready"), ("ed", "drained"), ("edu", "ejected"),
            ("edtu", "ready"), ("pd", "drained"), ("pdu", "paused"), ("FFFd", "drained"), ("FFFdu", "unready"),
            ("de", "drained"), ("deu", "ready"), ("dp", "drained"), ("dpu", "ready"),
            ("D", "starting"), ("DS", "ready"), ("DF", "starting"), ("DFFF", "unready"), ("DFFFS", "ready"),
            ("Dc", "starting"), ("DcS", "ready"), ("Dd", "drained"), ("Ddu", "starting"), ("dD", "drained"),
            ("dDu", "starting"), ("cD", "starting"), ("cDS", "ready"), ("eD", "starting"), ("eDS", "ready"),
            ("De", "starting"), ("DeS", "ready"), ("dSu", "ready"), ("uu", "ready"), ("o", "ready"),
        ])
    func conditions(events: String, expected: String) {
        var bench = HealthBench(4)
        for event in events {
            let wasPicked = bench.availability(0).mayBePicked
            let changes = bench.happen(event)
            for change in changes {
                #expect(change.id == EndpointID(0))
                #expect(change.condition.word == bench.word(0))
                #expect(change.availability == bench.availability(0))
                #expect(!change.reason.isEmpty)
            }
            // Whoever only follows the changes knows as much.
            if changes.isEmpty { #expect(bench.availability(0).mayBePicked == wasPicked) }
        }
        #expect(bench.word(0) == expected)
        #expect(bench.availability(0).mayBePicked == (expected == "ready"))
        #expect(bench.health.availableCount == (expected == "ready" ? 4 : 3))
    }

    @Test(
        "in a panic those are used that were ready once, run, and are not drained",
        arguments: [
            ("", true), ("FFF", true), ("c", true), ("e", true), ("p", true), ("d", false), ("du", true), ("D", false),
            ("DFFF", false), ("DS", true), ("DFFFS", true), ("dFFF", false),
        ])
    func panic(events: String, expected: Bool) {
        var bench = HealthBench(4)
        for event in events { _ = bench.happen(event) }
        #expect(bench.availability(0).mayBePickedInPanic == expected)
    }

    @Test("one that never was ready is not used in a panic, and is told of when it goes on failing")
    func neverReady() {
        var bench = HealthBench(2, isReady: false)
        #expect(bench.word(0) == "starting")
        // It has been starting for long, so the reason is news.
        #expect(bench.happen("F").map(\.isAnnouncement) == [true])
        #expect(bench.happen("F").isEmpty)
        let told = bench.happen("F")
        #expect(told.map(\.condition) == [.unready])
        #expect(told.map(\.reason) == ["status 503"])
        #expect(!bench.availability(0).mayBePickedInPanic)
        #expect(!bench.health.hasBeenReady(EndpointID(0)))
        // The first success suffices.
        let ready = bench.happen("S")
        #expect(ready.map(\.condition) == [.ready])
        #expect(ready.map(\.reason) == ["its check succeeded"])
        #expect(bench.health.hasBeenReady(EndpointID(0)))
    }

    @Test(
        "changes say why",
        arguments: [
            ("FFF", "status 503"), ("FFFSS", "2 checks in a row succeeded"), ("c", "connection refused"),
            ("co", "it takes connections again"), ("cS", "its check succeeded"), ("e", "5 failures in a row"),
            ("et", "its ejection of 10s is over"), ("p", "it asked for a pause of 5s"),
            ("pt", "its pause of 5s is over"), ("d", "drained by an operator"), ("du", "undrained by an operator"),
            ("D", "its process ended"), ("DS", "its check succeeded"), ("dFFFu", "status 503"),
            ("dcu", "connection refused"), ("edu", "5 failures in a row"), ("Ddu", "its process ended"),
        ])
    func reasons(events: String, expected: String) {
        var bench = HealthBench(4)
        var last: [ServiceHealth.Change] = []
        for event in events { last = bench.happen(event) }
        #expect(last.map(\.reason) == [expected])
        #expect(last.map(\.isAnnouncement) == [false])
    }

    @Test("a change that ejects tells the cause, others do not")
    func causes() {
        var bench = HealthBench(4)
        #expect(bench.happen("e").map(\.cause) == [.consecutive(5)])
        #expect(bench.happen("d").map(\.cause) == [nil])
        #expect(bench.happen("u").map(\.cause) == [nil])
        #expect(bench.happen("t").map(\.cause) == [nil])
    }

    @Test("each death is told, ready or not, for a process may die at every start")
    func deaths() {
        var bench = HealthBench(1, isReady: false)
        for _ in 0..<3 {
            let told = bench.happen("D")
            #expect(told.map(\.reason) == ["its process ended"])
            #expect(told.map(\.isAnnouncement) == [true])
        }
    }

    @Test("another reason for the same condition is told, at most every ten seconds")
    func otherReason() {
        var bench = HealthBench(2)
        for _ in 0..<3 { _ = bench.happen("F") }
        let id = EndpointID(0)
        bench.wait(.seconds(9))
        #expect(bench.health.probeFailed(id, reason: "timed out", now: bench.now).isEmpty)
        bench.wait(.seconds(1))
        let told = bench.health.probeFailed(id, reason: "timed out", now: bench.now)
        #expect(told.map(\.reason) == ["timed out"])
        #expect(told.map(\.isAnnouncement) == [true])
        bench.wait(.seconds(60))
        #expect(bench.health.probeFailed(id, reason: "timed out", now: bench.now).isEmpty)
    }

    @Test("an unknown endpoint changes nothing and is nothing")
    func unknown() {
        var bench = HealthBench(2)
        var random = SeededRandom(seed: 1)
        let id = EndpointID(9)
        let changes =
            bench.health.probeSucceeded(id, now: bench.now) + bench.health.connectFailed(id, reason: "", now: bench.now)
            + bench.health.failuresSeen(id, cause: .consecutive(5), now: bench.now)
            + bench.health.pauseAsked(id, for: .seconds(1), now: bench.now) + bench.health.drain(id, now: bench.now)
            + bench.health.remove(id)
        #expect(changes.isEmpty)
        #expect(bench.health.availability(of: id) == EndpointAvailability())
        #expect(bench.health.nextProbe(id, now: bench.now, random: &random) == nil)
        #expect(bench.health.nextConnectProbe(id, now: bench.now) == nil)
        #expect(bench.health.availableCount == 2)
        // Adding one that is there changes nothing either.
        #expect(bench.health.add(EndpointID(0), readyAtOnce: false, now: bench.now).isEmpty)
        #expect(bench.word(0) == "ready")
    }

    @Test("a connection is tried at once, then after a quarter of a second, doubling to two seconds")
    func connectProbes() {
        var bench = HealthBench(2)
        let id = EndpointID(0)
        #expect(bench.health.nextConnectProbe(id, now: bench.now) == nil)
        _ = bench.happen("c")
        var waits: [Duration] = []
        for _ in 0..<6 {
            guard let next = bench.health.nextConnectProbe(id, now: bench.now) else { break }
            waits.append(next.elapsed(since: bench.now))
            bench.now = next
            // Requests that were on their way fail with it; they make nothing slower.
            for _ in 0..<5 { #expect(bench.happen("c").isEmpty) }
        }
        #expect(waits == [0, 250, 500, 1_000, 2_000, 2_000].map { .milliseconds($0) })
        let back = bench.happen("o")
        #expect(back.map(\.condition) == [.ready])
        #expect(bench.health.nextConnectProbe(id, now: bench.now) == nil)
        // The next outage begins anew.
        _ = bench.happen("c")
        #expect(bench.health.nextConnectProbe(id, now: bench.now) == bench.now)
    }

    @Test("requests that fail before the first probe was asked for do not put it off")
    func earlyFailures() {
        var bench = HealthBench(2)
        _ = bench.happen("c")
        let outageBegan = bench.now
        bench.wait(.milliseconds(1))
        for _ in 0..<10 { _ = bench.happen("c") }
        #expect(bench.health.nextConnectProbe(EndpointID(0), now: bench.now) == outageBegan)
    }

    @Test("a drained endpoint that is unreachable is still probed, so that it can come back")
    func drainedOutage() {
        var bench = HealthBench(2)
        for event in "cd" { _ = bench.happen(event) }
        #expect(bench.health.nextConnectProbe(EndpointID(0), now: bench.now) != nil)
        #expect(bench.happen("o").isEmpty)
        #expect(bench.health.nextConnectProbe(EndpointID(0), now: bench.now) == nil)
    }

    @Test("one that waits for its checks is not tried with plain connections", arguments: ["FFFc", "cFFF", "Dc", "cD"])
    func checksSuffice(events: String) {
        var bench = HealthBench(2)
        for event in events { _ = bench.happen(event) }
        #expect(bench.health.nextConnectProbe(EndpointID(0), now: bench.now) == nil)
    }

    @Test("checks are asked for when the service has them")
    func checks() {
        var random = SeededRandom(seed: 1)
        var bench = HealthBench(1, readiness: .init(interval: .seconds(10), rise: 1, fall: 1))
        let next = bench.health.nextProbe(EndpointID(0), now: bench.now, random: &random)
        let span = next?.elapsed(since: bench.now) ?? .zero
        #expect(span >= .seconds(9) && span <= .seconds(11))
        bench.health.configure(.init(readiness: nil))
        #expect(bench.health.nextProbe(EndpointID(0), now: bench.now, random: &random) == nil)
    }

    @Test("time that runs back changes nothing for the worse")
    func clock() {
        var bench = HealthBench(4)
        _ = bench.happen("e")
        let deadline = bench.health.nextDeadline
        bench.now = .start
        #expect(bench.happen("c").map(\.condition) == [.unreachable])
        #expect(bench.health.timePassed(now: .start).isEmpty)
        #expect(bench.health.nextDeadline == deadline)
    }
}
