import NIOCore
import Testing
import UsherCore
import UsherTestKit

@testable import UsherHTTP

@Suite("An HTTP/2 connection as its server keeps it", .timeLimit(.minutes(1)))
struct MachineTests {
    private typealias Wire = HTTP2Wire

    @Test("it begins with its settings and a larger window for all streams together")
    func beginning() {
        let fixture = MachineFixture(isOpen: false)
        let frames = fixture.sentFrames()
        #expect(frames.map(\.description) == ["SETTINGS", "WINDOW_UPDATE 0 +196609"])
        #expect(frames[0].payload == [0, 3, 0, 0, 0, 100, 0, 4, 0, 0, 255, 255, 0, 6, 0, 0, 0x4C, 0x80])
        #expect(fixture.receive(Wire.hello) == [])
        #expect(fixture.sent() == ["SETTINGS ACK"])
    }

    @Test("every split of its input gives the same events and frames")
    func everySplit() {
        let long = (":path", "/" + String(repeating: "p", count: 60))
        let input =
            Wire.hello + Wire.get(1) + Wire.post(3, "/b", [("content-length", "5")]) + Wire.data(3, "he")
            + Wire.ping()
            + Wire.frame(Wire.Kind.data, flags: Wire.padded | 1, stream: 3, [2] + Array("llo".utf8) + [0, 0])
            + Wire.frame(Wire.Kind.headers, flags: 1, stream: 5, Wire.block([(":method", "GET"), long]))
            + Wire.frame(Wire.Kind.continuation, flags: 4, stream: 5, Wire.block([(":scheme", "http")]))
            + Wire.frame(0x42, [1, 2, 3]) + Wire.windowUpdate(0, 7) + Wire.reset(5) + Wire.settings([(4, 70_000)])
        let whole = MachineFixture(isOpen: false)
        let expected = whole.receive(input)
        let frames = whole.sent()
        #expect(expected.count == 9)
        for split in 1..<input.count {
            let fixture = MachineFixture(isOpen: false)
            let events = Self.joined(fixture.receive(Array(input[..<split])) + fixture.receive(Array(input[split...])))
            #expect(events == Self.joined(expected), "split at \(split)")
            #expect(fixture.sent() == frames, "split at \(split)")
        }
        let drip = MachineFixture(isOpen: false)
        #expect(Self.joined(input.flatMap { drip.receive([$0]) }) == Self.joined(expected))
        #expect(drip.sent() == frames)
    }

    /// Pieces of one body as one.
    private static func joined(_ events: [String]) -> [String] {
        events.reduce(into: []) { result, event in
            if event.hasPrefix("body"), let last = result.last, last.hasPrefix(event.prefix(10)) {
                result[result.count - 1] = last + event.dropFirst(11)
            } else {
                result.append(event)
            }
        }
    }

    @Test("an answer is HEADERS and DATA, the last of which ends the stream")
    func answer() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.get(1) + Wire.get(3))
        #expect(fixture.answer(at: 0, "hello"))
        #expect(fixture.answer(at: 1))
        #expect(fixture.sent() == ["HEADERS 1", "DATA 1 \"hello\" END_STREAM", "HEADERS 3 END_STREAM"])
        #expect(fixture.streamCount == 0)
    }

    @Test("the first block says that we keep no table, and only that one")
    func tableSize() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.get(1) + Wire.get(3))
        fixture.answer(at: 0)
        fixture.answer(at: 1)
        #expect(fixture.sentFrames().map(\.payload) == [[0x20, 0x88], [0x88]])
    }

    @Test("a block that is longer than a frame is cut into frames")
    func longBlock() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.get(1))
        fixture.write { machine, out in
            let start = machine.beginBlock(at: 0, &out)
            ResponseTranslation.write(status: 200, to: &out)
            ResponseTranslation.write(
                lines: ByteBuffer(string: "x: \(String(repeating: "v", count: 40_000))\r\n"), to: &out)
            machine.endBlock(start, at: 0, &out)
            let isOver = machine.endStream(at: 0, lastFrame: start, &out)
            #expect(isOver)
        }
        let frames = fixture.sentFrames()
        #expect(frames.map(\.description) == ["HEADERS 1 END_STREAM", "CONTINUATION 1", "CONTINUATION 1"])
        #expect(frames.map(\.flags) == [1, 0, 4])
        // The table's size, the status, and a literal with its name and the length of its value.
        let count = frames.map(\.payload.count).reduce(0, +)
        #expect(count == 40_009)
    }

    @Test("no more is sent than both windows allow, and the rest when they open")
    func sendWindows() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.settings([(4, 10)]) + Wire.get(1) + Wire.get(3))
        _ = fixture.sent()
        var data = ByteBuffer(string: String(repeating: "a", count: 25))
        fixture.write { machine, out in
            let room = machine.room(at: 0)
            #expect(room == 10)
            let (first, second) = (machine.write(&data, at: 0, &out), machine.write(&data, at: 0, &out))
            #expect(first != nil && second == nil)
        }
        #expect(data.readableBytes == 15)
        // Settings move the windows of streams that are open, below zero if need be (§6.9.2).
        #expect(fixture.receive(Wire.settings([(4, 0)])) == [])
        #expect(fixture.receive(Wire.windowUpdate(1, 10)) == ["window opened at 0"])
        #expect(fixture.room(at: 0) == 0)
        #expect(fixture.receive(Wire.settings([(4, 100)])) == ["window opened for all"])
        #expect(fixture.room(at: 0) == 100)
        #expect(fixture.room(at: 1) == 100)
    }

    @Test("the connection's window is shared by its streams")
    func connectionWindow() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.settings([(4, 100_000)]) + Wire.get(1) + Wire.get(3))
        var data = ByteBuffer(repeating: 0x61, count: 70_000)
        fixture.write { machine, out in _ = machine.write(&data, at: 0, &out) }
        #expect(data.readableBytes == 70_000 - 65_535)
        #expect(fixture.room(at: 1) == 0)
        #expect(fixture.receive(Wire.windowUpdate(0, 1000)) == ["window opened for all"])
        #expect(fixture.room(at: 0) == 1000 && fixture.room(at: 1) == 1000)
        let sizes = fixture.sentFrames().filter { $0.type == 0 }.map(\.payload.count)
        #expect(sizes == [16_384, 16_384, 16_384, 16_383])
    }

    @Test("what is used up of a body is given back soon, though not byte by byte")
    func credit() {
        let fixture = MachineFixture()
        let piece = [UInt8](repeating: 0x61, count: 16_384)
        _ = fixture.receive(Wire.post(1) + Wire.data(1, piece))
        fixture.write { machine, out in machine.consumed(4094, at: 0, &out) }
        #expect(fixture.sent() == [])
        fixture.write { machine, out in machine.consumed(1, at: 0, &out) }
        #expect(fixture.sent() == ["WINDOW_UPDATE 1 +4095"])
        // Of the connection's window, which is larger, at larger steps.
        fixture.write { machine, out in machine.consumed(4096, at: 0, &out) }
        #expect(fixture.sent() == ["WINDOW_UPDATE 1 +4096"])
        fixture.write { machine, out in machine.consumed(1, at: 0, &out) }
        #expect(fixture.sent() == ["WINDOW_UPDATE 0 +8192"])
    }

    @Test("streams that wait for their replicas keep their part of the connection's window; the rest goes on moving")
    func sharedCredit() {
        let fixture = MachineFixture()
        let piece = [UInt8](repeating: 0x61, count: 16_384)
        for stream: UInt32 in [1, 3, 5] {
            _ = fixture.receive(Wire.post(stream) + (0..<3).flatMap { _ in Wire.data(stream, piece) })
            _ = fixture.receive(Wire.data(stream, piece.dropLast()))
        }
        _ = fixture.receive(Wire.post(7) + Wire.data(7, piece) + Wire.data(7, piece))
        fixture.write { machine, out in machine.consumed(4000, at: 3, &out) }
        #expect(fixture.sent() == [])
        #expect(!fixture.isWindowUsedUp)
        _ = fixture.receive(Wire.data(7, piece) + Wire.data(7, piece.dropLast()))
        #expect(fixture.isWindowUsedUp)
        fixture.write { machine, out in machine.consumed(1, at: 3, &out) }
        #expect(fixture.sent() == ["WINDOW_UPDATE 0 +4001"])
    }

    @Test("a stream that has ended is not given room any more")
    func noCreditAtEnd() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.post(1) + Wire.data(1, [UInt8](repeating: 0, count: 16_384)))
        _ = fixture.receive(Wire.data(1, [UInt8](repeating: 0, count: 16_384), ends: true))
        fixture.write { machine, out in machine.consumed(40_000, at: 0, &out) }
        #expect(fixture.sent() == ["WINDOW_UPDATE 0 +40000"])
    }

    @Test("an answer that comes before its request is whole leaves the stream open until the client ends it")
    func earlyAnswer() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.post(1))
        #expect(!fixture.answer(at: 0, "no"))
        #expect(fixture.streamCount == 1)
        #expect(fixture.receive(Wire.data(1, "rest", ends: true)) == ["body at 0: rest", "end at 0"])
        #expect(fixture.streamCount == 0)
        #expect(fixture.receive(Wire.get(3)) == ["request 3"])
    }

    @Test("a connection that ends takes what is on its way, then no more")
    func draining() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.get(1))
        fixture.write { machine, out in machine.announceEnd(&out) }
        #expect(fixture.sent() == ["GOAWAY 2147483647 NO_ERROR", "PING 117.115.104.101.114.33.33.33"])
        #expect(fixture.receive(Wire.get(3)) == ["request 3"])
        fixture.write { machine, out in machine.refuseMore(&out) }
        #expect(fixture.sent() == ["GOAWAY 3 NO_ERROR"])
        #expect(fixture.receive(Wire.post(5) + Wire.data(5, "body") + Wire.reset(5)) == [])
        fixture.answer(at: 0)
        fixture.answer(at: 1)
        #expect(fixture.streamCount == 0)
    }

    @Test("what was written and not sent can be taken back")
    func unwrite() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.get(1))
        fixture.write { machine, out in
            let begin = out.writerIndex
            let start = machine.beginBlock(at: 0, &out)
            ResponseTranslation.write(status: 200, to: &out)
            machine.endBlock(start, at: 0, &out)
            var data = ByteBuffer(string: "half an ans")
            _ = machine.write(&data, at: 0, &out)
            out.moveWriterIndex(to: begin)
            machine.unwrite(11, at: 0, withFirstBlock: true)
            let room = machine.room(at: 0)
            #expect(room == 65_535)
        }
        fixture.answer(at: 0)
        #expect(fixture.sentFrames().map(\.payload) == [[0x20, 0x88]])
    }

    @Test("DATA on its way to a stream that was reset is thrown away, whatever else has ended since")
    func lateData() {
        let fixture = MachineFixture()
        for stream in stride(from: UInt32(1), to: 801, by: 2) {
            _ = fixture.receive(Wire.post(stream))
            fixture.write { machine, out in
                machine.reset(at: 0, .cancel, isPeersFault: false, &out, now: MonotonicTime(nanoseconds: 0))
            }
        }
        #expect(fixture.receive(Wire.data(1, "late")) == [])
        #expect(fixture.receive(Wire.data(799, "late", ends: true)) == [])
        // One that both sides have ended is another matter.
        _ = fixture.receive(Wire.get(801))
        fixture.answer(at: 0)
        #expect(fixture.receive(Wire.data(801, "x")) == ["failed: streamClosed, DATA on a stream that has ended"])
    }

    @Test("after our last word, what comes on streams that were not taken is read over for good")
    func afterLastWord() {
        let fixture = MachineFixture()
        fixture.write { machine, out in machine.refuseMore(&out) }
        for stream in stride(from: UInt32(1), to: 801, by: 2) {
            #expect(fixture.receive(Wire.post(stream)) == [])
        }
        #expect(fixture.receive(Wire.data(1, "late") + Wire.headers(1, [("x-sum", "1")], ends: true)) == [])
    }
}
