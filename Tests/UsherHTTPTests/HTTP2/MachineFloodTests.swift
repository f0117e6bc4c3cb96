import NIOCore
import Testing
import UsherTestKit

@testable import UsherHTTP

@Suite("HTTP/2 clients that flood", .timeLimit(.minutes(1)))
struct MachineFloodTests {
    private typealias Wire = HTTP2Wire

    private func isEnded(_ fixture: MachineFixture) -> Bool {
        fixture.sent().last?.hasSuffix("ENHANCE_YOUR_CALM") == true
    }

    @Test(
        "more than 1,000 frames in ten seconds that ask for nothing end the connection",
        arguments: [
            Wire.ping(), Wire.settings(), Wire.frame(0x99), Wire.frame(Wire.Kind.priority, stream: 1, [0, 0, 0, 0, 1]),
            Wire.data(1), Wire.ping(isAcknowledgement: true), Wire.frame(Wire.Kind.settings, flags: 1),
            Wire.frame(Wire.Kind.goAway, [UInt8](repeating: 0, count: 8)), Wire.data(3, ends: true), Wire.get(3),
        ])
    func control(frame: [UInt8]) {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.post(1) + Wire.get(3) + Wire.reset(3))
        // The settings at the beginning were one.
        for _ in 0..<999 { #expect(!fixture.receive(frame).contains { $0.hasPrefix("failed") }) }
        #expect(!isEnded(fixture))
        #expect(fixture.receive(frame + frame).last?.hasPrefix("failed: enhanceYourCalm") == true)
        #expect(isEnded(fixture))
    }

    @Test("the same frames at a bearable rate do not")
    func slowControl() {
        let fixture = MachineFixture()
        for _ in 0..<5000 {
            #expect(fixture.receive(Wire.ping()) == [])
            fixture.now += 0.011
        }
    }

    @Test("window updates count when our own data give no reason for them")
    func windowUpdates() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.get(1))
        for _ in 0..<(16 + 2 + 999) { #expect(fixture.receive(Wire.windowUpdate(0, 1)) != []) }
        #expect(fixture.receive(Wire.windowUpdate(0, 1) + Wire.windowUpdate(0, 1)).last?.hasPrefix("failed") == true)
        // A client that takes a large answer sends two for each frame of it.
        let honest = MachineFixture()
        _ = honest.receive(Wire.get(1) + Wire.windowUpdate(0, 1 << 30) + Wire.windowUpdate(1, 1 << 30))
        for _ in 0..<3000 {
            var data = ByteBuffer(string: "x")
            honest.write { machine, out in _ = machine.write(&data, at: 0, &out) }
            #expect(honest.receive(Wire.windowUpdate(0, 1) + Wire.windowUpdate(1, 1)).count == 2)
        }
    }

    @Test("a client whose windows cut every frame in pieces may tell of each of them", arguments: [500, 3000, 9000])
    func shortFrames(count: Int) {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.get(1))
        var data = ByteBuffer(repeating: 0, count: 4000 * count + 65_535)
        for _ in 0..<4000 {
            fixture.write { machine, out in _ = machine.write(&data, at: 0, &out) }
            let updates = Wire.windowUpdate(1, UInt32(count)) + Wire.windowUpdate(0, UInt32(count))
            #expect(fixture.receive(updates).count == 2)
        }
    }

    @Test("updates of windows that cut data short by next to nothing give themselves no reason")
    func dribble() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.settings([(4, 1)]) + Wire.get(1))
        var data = ByteBuffer(repeating: 0, count: 5000)
        var failed = false
        for _ in 0..<1100 where !failed {
            failed = fixture.receive(Wire.windowUpdate(1, 1)).contains { $0.hasPrefix("failed: enhanceYourCalm") }
            fixture.write { machine, out in _ = machine.write(&data, at: 0, &out) }
        }
        #expect(failed)
    }

    @Test("a frame with more settings than anybody knows ends the connection, and a full one of them does not")
    func manySettings() {
        let fixture = MachineFixture()
        #expect(fixture.receive(Wire.settings((0..<32).map { (4, UInt32($0)) })) == [])
        #expect(fixture.sent() == ["SETTINGS ACK"])
        _ = fixture.receive(Wire.get(1))
        #expect(fixture.room(at: 0) == 31)
        let events = fixture.receive(Wire.settings((0..<33).map { (4, UInt32($0)) }))
        #expect(events.last?.hasPrefix("failed: enhanceYourCalm") == true)
    }

    @Test("a list that is too large is refused by itself, one beyond all reason ends the connection")
    func largeLists() {
        let crumbs = [("cookie", String(repeating: "a", count: 1000))]
        func request(_ stream: UInt32, crumbs count: Int) -> [UInt8] {
            // The newest entry of the common table by its index, a byte each.
            let block = Wire.block(Wire.requestFields("GET")) + [UInt8](repeating: 0xBE, count: count)
            return Wire.frame(Wire.Kind.headers, flags: 5, stream: stream, block)
        }
        let fixture = MachineFixture()
        let first = Wire.block(Wire.requestFields("GET")) + Wire.indexedBlock(crumbs)
        _ = fixture.receive(Wire.frame(Wire.Kind.headers, flags: 5, stream: 1, first))
        #expect(fixture.receive(request(3, crumbs: 60)) == ["request 3"])
        #expect(fixture.receive(request(5, crumbs: 1000)).last?.hasPrefix("failed: enhanceYourCalm") == true)
    }

    @Test("more than 100 resets in ten seconds end the connection (CVE-2023-44487)")
    func rapidReset() {
        let fixture = MachineFixture()
        for index in 0..<100 {
            let stream = UInt32(2 * index + 1)
            #expect(fixture.receive(Wire.get(stream) + Wire.reset(stream)).count == 2)
        }
        #expect(fixture.receive(Wire.get(201) + Wire.reset(201)).last?.hasPrefix("failed: enhanceYourCalm") == true)
        #expect(isEnded(fixture))
    }

    @Test("resets that the client causes count the same (CVE-2025-8671)", arguments: [0, 1, 2, 3])
    func madeYouReset(kind: Int) {
        let fixture = MachineFixture()
        var events: [String] = []
        for index in 0..<102 {
            let stream = UInt32(2 * index + 1)
            let cause =
                switch kind {
                case 0: Wire.get(stream) + Wire.windowUpdate(stream, 0)
                case 1: Wire.get(stream) + Wire.windowUpdate(stream, 0x7FFF_FFFF)
                case 2: Wire.get(stream) + Wire.data(stream, "x")
                default: Wire.get(stream) + Wire.frame(Wire.Kind.priority, stream: stream, [0])
                }
            events += fixture.receive(cause)
        }
        #expect(events.last?.hasPrefix("failed: enhanceYourCalm") == true)
    }

    @Test("resets of malformed requests count, those of our own do not")
    func ourResets() {
        for isPeersFault in [true, false] {
            let fixture = MachineFixture()
            var failed = false
            for index in 0..<102 {
                if fixture.receive(Wire.get(UInt32(2 * index + 1))).last?.hasPrefix("failed") == true { failed = true }
                if failed { break }
                fixture.write { machine, out in
                    machine.reset(at: 0, .protocolError, isPeersFault: isPeersFault, &out, now: fixture.time)
                }
            }
            #expect(failed == isPeersFault)
        }
    }

    @Test("a browser that leaves a page, and another one, does not count as a flood")
    func honestResets() {
        let fixture = MachineFixture()
        var stream: UInt32 = 1
        for _ in 0..<20 {
            for _ in 0..<50 {
                #expect(fixture.receive(Wire.get(stream) + Wire.reset(stream)).count == 2)
                stream += 2
            }
            fixture.now += 6
        }
    }

    @Test("a header block in too many frames, or too long, ends the connection")
    func continuations() {
        let many = MachineFixture()
        _ = many.receive(Wire.frame(Wire.Kind.headers, flags: 1, stream: 1, [0x82]))
        var events: [String] = []
        for _ in 0..<6 { events += many.receive(Wire.frame(Wire.Kind.continuation, stream: 1, [0x82])) }
        #expect(events.last?.hasPrefix("failed: enhanceYourCalm") == true)
        let long = MachineFixture()
        let piece = [UInt8](repeating: 0x82, count: 16_384)
        _ = long.receive(Wire.frame(Wire.Kind.headers, flags: 1, stream: 1, piece))
        events = long.receive(Wire.frame(Wire.Kind.continuation, stream: 1, piece))
        #expect(events.last?.hasPrefix("failed: enhanceYourCalm") == true)
    }

    @Test("a counter looks ten seconds back, to the second")
    func counter() {
        var counter = FloodCounter()
        for second in 1...20 {
            let total = counter.note(nowNanoseconds: UInt64(second) * 1_000_000_000)
            #expect(total == min(second, 10))
        }
        #expect(counter.note(nowNanoseconds: 1_000_000_000_000) == 1)
        // A clock that steps back does no harm.
        #expect(counter.note(nowNanoseconds: 5) == 2)
    }
}
