import Testing
import UsherCore
import UsherReplication

/// Random events against a plain restatement of the rules, and against what a worker knows that hears the changes only.
@Suite struct ServiceHealthModelTests {
    /// What is true of one endpoint, without caring how it is told.
    private struct Model {
        var verdict = "starting"
        var failures = 0
        var successes = 0
        var hasBeenReady = false
        var isAlive = true
        var isDrained = false
        var isUnreachable = false
        var outUntil: MonotonicTime?
        var isPause = false

        var word: String {
            if isDrained { return "drained" }
            if verdict != "ready" { return verdict }
            if isUnreachable { return "unreachable" }
            guard outUntil != nil else { return "ready" }
            return isPause ? "paused" : "ejected"
        }

        mutating func check(_ succeeded: Bool, rise: Int, fall: Int) {
            if succeeded {
                isAlive = true
                isUnreachable = false
                failures = 0
                successes += 1
                guard verdict == "starting" || !hasBeenReady || successes >= rise else { return }
                verdict = "ready"
                hasBeenReady = true
            } else {
                successes = 0
                failures += 1
                // One that is starting anew comes back with one success, whatever it is called meanwhile.
                guard verdict != "unready", failures >= fall else { return }
                verdict = "unready"
                isUnreachable = false
            }
        }
    }

    @Test("random events keep to the rules", arguments: 1...12 as ClosedRange<UInt64>)
    func random(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let percent = [0, 25, 50, 100][random.below(4)]
        var configuration = ServiceHealth.Configuration(
            readiness: .init(interval: .seconds(2), rise: 1, fall: 1 + random.below(3)),
            ejection: EjectionPolicy(atMost: Share(percent: percent)))
        var health = ServiceHealth(configuration)
        var models: [EndpointID: Model] = [:]
        var heard: [EndpointID: ServiceHealth.Change] = [:]
        var now = MonotonicTime.start
        var nextID: Int32 = 0
        for _ in 0..<4_000 {
            now = now.advanced(by: .milliseconds(random.below(2_000)))
            let ids = models.keys.sorted()
            let id = ids.isEmpty ? EndpointID(-1) : ids[random.below(ids.count)]
            var changes = health.timePassed(now: now)
            for known in ids { if let until = models[known]?.outUntil, until <= now { models[known]?.outUntil = nil } }
            let isReady = models[id]?.word == "ready"
            let available = models.values.count { $0.word == "ready" }
            let out = models.values.count { $0.outUntil != nil }
            let mayGo = isReady && available > 1 && out < models.count * percent / 100
            switch random.below(12) {
            case 0 where models.count < 12:
                let isAtOnce = random.below(2) == 0
                var model = Model()
                if isAtOnce { model.check(true, rise: 1, fall: 1) }
                models[EndpointID(nextID)] = model
                changes += health.add(EndpointID(nextID), readyAtOnce: isAtOnce, now: now)
                nextID += 1
            case 1 where random.below(4) == 0:
                models[id] = nil
                heard[id] = nil
                changes += health.remove(id)
                release(&models, percent)
            case 2, 3:
                models[id]?.check(true, rise: 1, fall: 1)
                changes += health.probeSucceeded(id, now: now)
            case 4:
                models[id]?.check(false, rise: 1, fall: configuration.readiness?.fall ?? 0)
                changes += health.probeFailed(id, reason: "status \(500 + random.below(4))", now: now)
            case 5:
                if models[id]?.verdict == "ready" { models[id]?.isUnreachable = true }
                changes += health.connectFailed(id, reason: "connection refused", now: now)
            case 6:
                models[id]?.isUnreachable = false
                changes += health.connectSucceeded(id, now: now)
            case 7, 8:
                changes += health.failuresSeen(id, cause: .consecutive(5), now: now)
                if mayGo { takeOut(id, &models, health, isPause: false) }
            case 9:
                changes += health.pauseAsked(id, for: .seconds(1 + random.below(60)), now: now)
                if mayGo { takeOut(id, &models, health, isPause: true) }
            case 10:
                let isDrained = random.below(3) == 0
                models[id]?.isDrained = isDrained
                changes += isDrained ? health.drain(id, now: now) : health.undrain(id, now: now)
            case 11 where random.below(3) == 0:
                models[id]?.verdict = "starting"
                models[id]?.failures = 0
                models[id]?.successes = 0
                models[id]?.isAlive = false
                models[id]?.isUnreachable = false
                models[id]?.outUntil = nil
                changes += health.replicaDied(id, reason: "its process ended", now: now)
            default:
                configuration.readiness?.fall = 1 + random.below(3)
                if configuration != health.configuration { release(&models, percent) }
                changes += health.configure(configuration)
            }
            for change in changes { note(change, in: &heard, seed) }
            let mismatch = mismatch(models, health, heard, percent, now)
            guard mismatch == nil else {
                Issue.record("seed \(seed): \(mismatch ?? "")")
                return
            }
        }
        #expect(nextID > 12, "seed \(seed): too little happened")
    }

    private func takeOut(
        _ id: EndpointID, _ models: inout [EndpointID: Model], _ health: ServiceHealth, isPause: Bool
    ) {
        models[id]?.isPause = isPause
        // How long is for other tests; here only that it ends when it says.
        switch health.condition(of: id) {
        case .ejected(let until), .paused(let until): models[id]?.outUntil = until
        default: Issue.record("endpoint \(id.number) should be out")
        }
    }

    private func release(_ models: inout [EndpointID: Model], _ percent: Int) {
        while models.values.count(where: { $0.outUntil != nil }) > models.count * percent / 100
            || !models.values.contains(where: { $0.word == "ready" })
        {
            let first = models.compactMap { id, model in model.outUntil.map { ($0, id) } }.min { $0 < $1 }
            guard let first else { return }
            models[first.1]?.outUntil = nil
        }
    }

    private func note(
        _ change: ServiceHealth.Change, in heard: inout [EndpointID: ServiceHealth.Change], _ seed: UInt64
    ) {
        if let last = heard[change.id] {
            let isSame = last.condition == change.condition && last.availability == change.availability
            if isSame != change.isAnnouncement { Issue.record("seed \(seed): \(change)") }
        }
        if case .ejected = change.condition, heard[change.id]?.condition == .ready {
            #expect(change.cause == .consecutive(5), "seed \(seed)")
        }
        heard[change.id] = change
    }

    /// What does not agree; nil when everything does.
    private func mismatch(
        _ models: [EndpointID: Model], _ health: ServiceHealth, _ heard: [EndpointID: ServiceHealth.Change],
        _ percent: Int, _ now: MonotonicTime
    ) -> String? {
        guard health.count == models.count else { return "count" }
        guard health.availableCount == models.values.count(where: { $0.word == "ready" }) else { return "available" }
        let out = models.values.compactMap(\.outUntil)
        guard out.count <= models.count * percent / 100 else { return "\(out.count) out" }
        guard health.nextDeadline == out.min() else { return "deadline" }
        for (id, model) in models {
            let availability = health.availability(of: id)
            let mayPanic = model.hasBeenReady && model.isAlive && !model.isDrained
            let word = health.condition(of: id)?.word ?? "unknown"
            guard word == model.word else { return "\(id.number) is \(word), not \(model.word)" }
            guard availability.mayBePicked == (word == "ready") else { return "\(id.number) picked" }
            guard availability.mayBePickedInPanic == mayPanic else { return "\(id.number) in panic" }
            guard (availability.rampFrom ?? .start) <= now else { return "\(id.number) ramps from the future" }
            guard heard[id]?.condition == health.condition(of: id) else { return "\(id.number) not told" }
            guard heard[id]?.availability == availability else { return "\(id.number) told otherwise" }
        }
        return nil
    }
}
