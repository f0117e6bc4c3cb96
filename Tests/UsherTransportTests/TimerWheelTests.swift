import NIOCore
import NIOPosix
import Testing
import UsherCore
import UsherTransport

@Suite("Timer wheel")
struct TimerWheelTests {
    /// Nanoseconds.
    private static let tick = TimerWheel.tick

    @Test("a timer fires once, no earlier than its deadline and at most a tick and a turn later")
    func firesOnce() {
        var wheel = TimerWheel()
        let timer = DeadlineTimer()
        wheel.schedule(timer, at: 1_000_000_000, now: 0)
        var firedAt: [UInt64] = []
        for turn in 1...60 {
            let now = UInt64(turn) * Self.tick
            if !wheel.due(now: now).isEmpty { firedAt.append(now) }
        }
        #expect(firedAt.count == 1)
        #expect(firedAt.allSatisfy { $0 >= 1_000_000_000 && $0 <= 1_000_000_000 + 2 * Self.tick })
        #expect(wheel.count == 0)
    }

    @Test("a cancelled timer never fires, and cancelling twice is fine")
    func cancel() {
        var wheel = TimerWheel()
        let timer = DeadlineTimer()
        wheel.schedule(timer, at: Self.tick * 3, now: 0)
        wheel.cancel(timer)
        wheel.cancel(timer)
        #expect(wheel.count == 0)
        #expect(wheel.due(now: Self.tick * 100).isEmpty)
    }

    @Test("a long sleep of the loop fires everything that is due at once, however far it jumps")
    func jump() {
        var wheel = TimerWheel()
        let timers = (0..<100).map { _ in DeadlineTimer() }
        for (number, timer) in timers.enumerated() { wheel.schedule(timer, at: UInt64(number) * Self.tick, now: 0) }
        let due = wheel.due(now: Self.tick * 10_000)
        #expect(Set(due.map { ObjectIdentifier($0) }) == Set(timers.map { ObjectIdentifier($0) }))
    }

    @Test("behaves like a list of deadlines that is searched", arguments: [1, 2, 3, 20, 77] as [UInt64])
    func model(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var wheel = TimerWheel()
        let timers = (0..<200).map { _ in DeadlineTimer() }
        let numbers = Dictionary(uniqueKeysWithValues: timers.enumerated().map { (ObjectIdentifier($1), $0) })
        var deadlines: [Int: UInt64] = [:]
        var now: UInt64 = 0
        for _ in 0..<3000 {
            let number = random.below(timers.count)
            let timer = timers[number]
            switch random.below(4) {
            case 0, 1:
                // Up to ten seconds away, sometimes in the past.
                let deadline = now &+ UInt64(random.below(10_000)) * 1_000_000
                let early = min(deadline, UInt64(random.below(50)) * 1_000_000)
                let chosen = random.below(10) == 0 ? early : deadline
                wheel.schedule(timer, at: chosen, now: now)
                deadlines[number] = max(chosen, now)
            case 2:
                wheel.cancel(timer)
                deadlines[number] = nil
            default:
                now += UInt64(random.below(400)) * 1_000_000
                let fired = wheel.due(now: now).compactMap { numbers[ObjectIdentifier($0)] }
                #expect(Set(fired).count == fired.count, "seed \(seed): fired twice")
                for number in fired {
                    guard let deadline = deadlines.removeValue(forKey: number) else {
                        Issue.record("seed \(seed): timer \(number) fired without being set")
                        continue
                    }
                    #expect(deadline <= now, "seed \(seed): timer \(number) fired early")
                }
                for (number, deadline) in deadlines {
                    // The tick that a deadline falls into is looked at once it is over.
                    #expect(deadline + 2 * Self.tick > now, "seed \(seed): timer \(number) is late")
                }
            }
            #expect(wheel.count >= deadlines.count)
        }
    }

    @Test("a deadline that has passed already fires on a loop that counted no time", .timeLimit(.minutes(1)))
    func deadlineInThePast() async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let fired = eventLoop.makePromise(of: Void.self)
        try await eventLoop.submit {
            let loop = LoopContext(eventLoop: eventLoop)
            let timer = DeadlineTimer()
            timer.onFire = { _ in fired.succeed() }
            loop.schedule(timer, at: loop.now.nanoseconds - 1, now: loop.now)
        }.get()
        try await fired.futureResult.get()
    }
}
