import NIOCore
import Testing
import UsherTestKit

@testable import UsherHTTP

/// Every rule of RFC 9113 that a client can break and a server must notice; the frames are raw.
@Suite("RFC 9113: what a client may not do", .timeLimit(.minutes(1)))
struct MachineRuleTests {
    private typealias Wire = HTTP2Wire
    private typealias Kind = HTTP2Wire.Kind

    /// A connection error: GOAWAY with the code, and nothing is read any more.
    private func fails(
        _ bytes: [UInt8], _ code: String, after before: [UInt8] = [], isOpen: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let fixture = MachineFixture(isOpen: isOpen)
        _ = fixture.receive(before)
        _ = fixture.sent()
        let events = fixture.receive(bytes)
        #expect(events.last?.hasPrefix("failed: ") == true, "\(events)", sourceLocation: sourceLocation)
        let goAway = fixture.sent().last ?? ""
        #expect(
            goAway.hasPrefix("GOAWAY ") && goAway.hasSuffix(" " + code), "\(goAway)", sourceLocation: sourceLocation)
        #expect(fixture.receive(Wire.get(101)) == [], sourceLocation: sourceLocation)
    }

    /// A stream error: RST_STREAM with the code, and the connection goes on.
    private func resets(
        _ bytes: [UInt8], _ expected: String, after before: [UInt8] = Wire.post(1),
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let fixture = MachineFixture()
        _ = fixture.receive(before)
        _ = fixture.sent()
        _ = fixture.receive(bytes)
        let sent = fixture.sent().filter { !$0.hasPrefix("WINDOW_UPDATE") }
        #expect(sent == ["RST_STREAM \(expected)"], sourceLocation: sourceLocation)
        #expect(fixture.receive(Wire.get(101)) == ["request 101"], sourceLocation: sourceLocation)
    }

    // MARK: §3.4, §4 The preface and the frames

    @Test("§3.4: the preface is exactly those bytes, and SETTINGS follow")
    func preface() {
        fails(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8), "PROTOCOL_ERROR", isOpen: false)
        fails(Array(Wire.preface.dropLast()) + [0x0B], "PROTOCOL_ERROR", isOpen: false)
        fails(Wire.preface + Wire.ping(), "PROTOCOL_ERROR", isOpen: false)
        fails(Wire.preface + Wire.get(1), "PROTOCOL_ERROR", isOpen: false)
        fails(
            Wire.preface + Wire.frame(Kind.settings, flags: Wire.acknowledgement), "PROTOCOL_ERROR", isOpen: false)
    }

    @Test("§4.1: unknown frames and flags are ignored")
    func unknown() {
        let fixture = MachineFixture()
        #expect(fixture.receive(Wire.frame(0x16, flags: 0xFF, stream: 7, [1, 2, 3])) == [])
        #expect(fixture.receive(Wire.frame(Kind.ping, flags: 0xFE, Array(1...8))) == [])
        #expect(fixture.sent() == ["PING ACK 1.2.3.4.5.6.7.8"])
        // The reserved bit of a stream's number.
        #expect(fixture.receive(Wire.frame(0x16, stream: 0x8000_0000)) == [])
        #expect(fixture.receive(Wire.get(1)) == ["request 1"])
    }

    @Test("§4.2: a frame above SETTINGS_MAX_FRAME_SIZE is FRAME_SIZE_ERROR", arguments: [0, 1, 4, 9, 0x16] as [UInt8])
    func frameSize(type: UInt8) {
        fails(Wire.frame(type, stream: type == 4 ? 0 : 1, length: 16_385), "FRAME_SIZE_ERROR")
    }

    @Test("§4.2: frames of a wrong length are FRAME_SIZE_ERROR")
    func lengths() {
        fails(Wire.frame(Kind.settings, [0, 1, 0, 0, 0]), "FRAME_SIZE_ERROR")
        fails(Wire.frame(Kind.settings, flags: Wire.acknowledgement, [0]), "FRAME_SIZE_ERROR")
        fails(Wire.frame(Kind.ping, Array(1...7)), "FRAME_SIZE_ERROR")
        fails(Wire.frame(Kind.ping, Array(1...9)), "FRAME_SIZE_ERROR")
        fails(Wire.frame(Kind.windowUpdate, [0, 0, 1]), "FRAME_SIZE_ERROR")
        fails(Wire.frame(Kind.goAway, [0, 0, 0, 0, 0, 0, 0]), "FRAME_SIZE_ERROR")
        fails(Wire.frame(Kind.reset, stream: 1, [0, 0, 8]), "FRAME_SIZE_ERROR", after: Wire.post(1))
        resets(Wire.frame(Kind.priority, stream: 1, [0, 0, 0, 0]), "1 FRAME_SIZE_ERROR")
        fails(Wire.frame(Kind.priority, stream: 1, [0, 0, 0, 0]), "FRAME_SIZE_ERROR")
    }

    @Test("§4.3: a header block that cannot be decoded is COMPRESSION_ERROR, on a stream that is not taken, too")
    func compression() {
        let bad = Wire.frame(Kind.headers, flags: Wire.endHeaders | Wire.endStream, stream: 1, [0x80])
        fails(bad, "COMPRESSION_ERROR")
        fails(bad, "COMPRESSION_ERROR", after: Wire.get(1) + Wire.reset(1))
    }

    @Test("§4.3: nothing may come inside a header block but its continuation")
    func insideBlock() {
        let open = Wire.frame(Kind.headers, flags: Wire.endStream, stream: 1, Wire.block(Wire.requestFields("GET")))
        let other = Wire.frame(Kind.continuation, flags: Wire.endHeaders, stream: 3)
        for next in [Wire.ping(), Wire.settings(), Wire.get(3), Wire.data(1), other, Wire.frame(0x16), Wire.reset(1)] {
            fails(next, "PROTOCOL_ERROR", after: open)
        }
        let fixture = MachineFixture()
        #expect(fixture.receive(open) == [])
        #expect(fixture.isInsideHead)
        #expect(fixture.receive(Wire.frame(Kind.continuation, flags: Wire.endHeaders, stream: 1)) == ["request 1"])
    }

    // MARK: §5 Streams

    @Test("§5.1: idle streams take HEADERS and PRIORITY only")
    func idle() {
        for frame in [Wire.data(1, "x"), Wire.reset(1), Wire.windowUpdate(1, 1)] { fails(frame, "PROTOCOL_ERROR") }
        let fixture = MachineFixture()
        #expect(fixture.receive(Wire.frame(Kind.priority, stream: 5, [0, 0, 0, 0, 1])) == [])
        #expect(fixture.receive(Wire.get(1)) == ["request 1"])
    }

    @Test("§5.1: a stream that the client has ended takes no more of a message")
    func halfClosed() {
        resets(Wire.data(1, "x"), "1 STREAM_CLOSED", after: Wire.get(1))
        resets(Wire.headers(1, [("x", "y")]), "1 STREAM_CLOSED", after: Wire.get(1))
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.get(1))
        #expect(fixture.receive(Wire.windowUpdate(1, 5)) == ["window opened at 0"])
        #expect(fixture.receive(Wire.frame(Kind.priority, stream: 1, [0, 0, 0, 0, 1])) == [])
        #expect(fixture.receive(Wire.reset(1)) == ["reset at 0: cancel"])
    }

    @Test("§5.1: a stream that both have ended takes nothing but what may have been on its way")
    func closed() {
        for frame in [Wire.data(1, "x"), Wire.headers(1, Wire.requestFields("GET"))] {
            let fixture = MachineFixture()
            _ = fixture.receive(Wire.get(1))
            #expect(fixture.answer(at: 0))
            #expect(fixture.receive(frame).last?.hasPrefix("failed: streamClosed") == true)
        }
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.get(1))
        fixture.answer(at: 0)
        _ = fixture.sent()
        #expect(fixture.receive(Wire.windowUpdate(1, 5) + Wire.reset(1)) == [])
        #expect(fixture.receive(Wire.frame(Kind.priority, stream: 1, [0, 0, 0, 0, 1])) == [])
        #expect(fixture.sent() == [])
    }

    @Test("§5.1: what was on its way to a stream that was reset is thrown away, and gives its room back")
    func resetStream() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.post(1))
        fixture.write { machine, out in
            machine.reset(at: 0, .cancel, isPeersFault: false, &out, now: fixture.time)
        }
        #expect(fixture.sent() == ["RST_STREAM 1 CANCEL"])
        let piece = [UInt8](repeating: 0x61, count: 16_384)
        for _ in 0..<2 { #expect(fixture.receive(Wire.data(1, piece)) == []) }
        #expect(fixture.sent() == ["WINDOW_UPDATE 0 +16384", "WINDOW_UPDATE 0 +16384"])
        #expect(fixture.receive(Wire.headers(1, [("x", "y")])) == [])
        #expect(fixture.receive(Wire.get(3)) == ["request 3"])
    }

    @Test("§5.1.1: streams are odd and only grow")
    func numbers() {
        fails(Wire.get(2), "PROTOCOL_ERROR")
        fails(Wire.get(3), "PROTOCOL_ERROR", after: Wire.get(5))
        fails(Wire.frame(Kind.headers, flags: 5, Wire.block(Wire.requestFields("GET"))), "PROTOCOL_ERROR")
    }

    @Test("§5.1.2: streams above the limit are REFUSED_STREAM, and may be asked for again")
    func concurrency() {
        let fixture = MachineFixture()
        for index in 0..<100 { #expect(fixture.receive(Wire.get(UInt32(2 * index + 1))).count == 1) }
        #expect(fixture.receive(Wire.get(201)) == [])
        #expect(fixture.sent() == ["RST_STREAM 201 REFUSED_STREAM"])
        fixture.answer(at: 7)
        #expect(fixture.receive(Wire.get(203)) == ["request 203"])
    }

    // MARK: §6 Frames

    @Test("§6.1, §6.2: padding is never longer than the frame, and DATA and HEADERS have a stream")
    func padding() {
        fails(
            Wire.frame(Kind.data, flags: Wire.padded, stream: 1, [5, 1, 2, 3, 4]), "PROTOCOL_ERROR", after: Wire.post(1)
        )
        fails(Wire.frame(Kind.data, flags: Wire.padded, stream: 1), "FRAME_SIZE_ERROR", after: Wire.post(1))
        fails(Wire.frame(Kind.headers, flags: Wire.padded | 4, stream: 1, [4, 1, 2, 3]), "PROTOCOL_ERROR")
        fails(Wire.frame(Kind.headers, flags: Wire.padded | 4, stream: 1), "FRAME_SIZE_ERROR")
        fails(Wire.frame(Kind.headers, flags: Wire.priority | 4, stream: 1, [0, 0, 0, 0]), "FRAME_SIZE_ERROR")
        fails(Wire.data(0, "x"), "PROTOCOL_ERROR")
        fails(Wire.headers(0, Wire.requestFields("GET")), "PROTOCOL_ERROR")
    }

    @Test("§6.1, §6.2: padding and priorities are read over")
    func paddingIsFine() {
        let fixture = MachineFixture()
        let block = Wire.block(Wire.requestFields("POST"))
        let flags = Wire.padded | Wire.priority | Wire.endHeaders
        let head = Wire.frame(Kind.headers, flags: flags, stream: 1, [3, 0, 0, 0, 9, 16] + block + [0, 0, 0])
        #expect(fixture.receive(head) == ["request 1 with body"])
        #expect(fixture.lastFields.map(\.0) == [":method", ":scheme", ":path", ":authority"])
        let data = Wire.frame(Kind.data, flags: Wire.padded | 1, stream: 1, [4] + Array("body".utf8) + [0, 0, 0, 0])
        #expect(fixture.receive(data) == ["body at 0: body", "end at 0"])
    }

    @Test("§6.3 to §6.9: frames of the connection are on stream 0, those of streams are not")
    func places() {
        fails(Wire.frame(Kind.settings, stream: 1), "PROTOCOL_ERROR")
        fails(Wire.frame(Kind.ping, stream: 1, Array(1...8)), "PROTOCOL_ERROR")
        fails(Wire.frame(Kind.goAway, stream: 1, [UInt8](repeating: 0, count: 8)), "PROTOCOL_ERROR")
        fails(Wire.frame(Kind.priority, [0, 0, 0, 0, 1]), "PROTOCOL_ERROR")
        fails(Wire.frame(Kind.reset, [0, 0, 0, 8]), "PROTOCOL_ERROR")
    }

    @Test("§6.5: settings are acknowledged, and values that are not allowed end the connection")
    func settings() {
        let fixture = MachineFixture()
        #expect(fixture.receive(Wire.settings([(3, 5), (99, 1), (1, 0), (2, 1), (6, 10), (5, 0xFF_FFFF)])) == [])
        #expect(fixture.sent() == ["SETTINGS ACK"])
        fails(Wire.settings([(2, 2)]), "PROTOCOL_ERROR")
        fails(Wire.settings([(4, 0x8000_0000)]), "FLOW_CONTROL_ERROR")
        fails(Wire.settings([(5, 16_383)]), "PROTOCOL_ERROR")
        fails(Wire.settings([(5, 0x100_0000)]), "PROTOCOL_ERROR")
    }

    @Test("§6.6, §8.4: a client pushes nothing")
    func push() {
        fails(Wire.frame(Kind.pushPromise, flags: 4, stream: 1, [0, 0, 0, 2]), "PROTOCOL_ERROR", after: Wire.post(1))
    }

    @Test("§6.7: a ping is answered with its own payload, an answer is not answered")
    func ping() {
        let fixture = MachineFixture()
        #expect(fixture.receive(Wire.ping([8, 7, 6, 5, 4, 3, 2, 1])) == [])
        #expect(fixture.sent() == ["PING ACK 8.7.6.5.4.3.2.1"])
        #expect(fixture.receive(Wire.ping(isAcknowledgement: true)) == ["ping acknowledged"])
        #expect(fixture.sent() == [])
    }

    @Test("§6.8: after the client's GOAWAY its streams go on")
    func goAway() {
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.post(1))
        #expect(fixture.receive(Wire.frame(Kind.goAway, [UInt8](repeating: 0, count: 8) + Array("bye".utf8))) == [])
        #expect(fixture.receive(Wire.data(1, "x", ends: true)) == ["body at 0: x", "end at 0"])
    }

    @Test("§6.9: a window grows by something, and never beyond 2^31-1")
    func windows() {
        fails(Wire.windowUpdate(0, 0), "PROTOCOL_ERROR")
        resets(Wire.windowUpdate(1, 0), "1 PROTOCOL_ERROR")
        fails(Wire.windowUpdate(0, 0x7FFF_FFFF), "FLOW_CONTROL_ERROR")
        resets(Wire.windowUpdate(1, 0x7FFF_FFFF), "1 FLOW_CONTROL_ERROR")
        fails(Wire.settings([(4, 0x7FFF_FFFF)]), "FLOW_CONTROL_ERROR", after: Wire.post(1) + Wire.windowUpdate(1, 1))
        // The reserved bit.
        let fixture = MachineFixture()
        #expect(fixture.receive(Wire.windowUpdate(0, 0x8000_0001)) == ["window opened for all"])
    }

    @Test("§6.9: more than the windows allow is FLOW_CONTROL_ERROR")
    func overrun() {
        let piece = [UInt8](repeating: 0x61, count: 16_384)
        let full =
            Wire.data(1, piece) + Wire.data(1, piece) + Wire.data(1, piece) + Wire.data(1, Array(piece.dropLast()))
        resets(Wire.data(1, "x"), "1 FLOW_CONTROL_ERROR", after: Wire.post(1) + full)
        var many = (0..<4).flatMap { index in
            let stream = UInt32(2 * index + 1)
            return Wire.post(stream) + (0..<3).flatMap { _ in Wire.data(stream, piece) }
        }
        many += (0..<4).flatMap { Wire.data(UInt32(2 * $0 + 1), [UInt8](repeating: 0x61, count: 16_383)) }
        fails(Wire.post(9) + Wire.data(9, "12345"), "FLOW_CONTROL_ERROR", after: many)
    }

    @Test("§6.10: CONTINUATION follows HEADERS")
    func continuation() {
        fails(Wire.frame(Kind.continuation, flags: 4, stream: 1), "PROTOCOL_ERROR", after: Wire.post(1))
        fails(Wire.frame(Kind.continuation, flags: 4, stream: 0), "PROTOCOL_ERROR")
    }

    // MARK: §8 Messages

    @Test("§8.1: trailers end the stream")
    func trailers() {
        resets(Wire.headers(1, [("x", "y")], ends: false), "1 PROTOCOL_ERROR")
        let fixture = MachineFixture()
        _ = fixture.receive(Wire.post(1))
        #expect(
            fixture.receive(Wire.data(1, "b") + Wire.headers(1, [("x", "y")])) == [
                "body at 0: b", "end at 0 with trailers",
            ])
    }

    @Test("§8.1.1: a body is as long as its content-length says")
    func contentLength() {
        func fixture() -> MachineFixture {
            let fixture = MachineFixture()
            _ = fixture.receive(Wire.post(1))
            fixture.machine.expect(5, at: 0)
            return fixture
        }
        let exact = fixture()
        #expect(exact.receive(Wire.data(1, "hel") + Wire.data(1, "lo", ends: true)).last == "end at 0")
        for wrong in [
            Wire.data(1, "hello!"), Wire.data(1, "hell", ends: true), Wire.data(1, "hello") + Wire.data(1, "!"),
            Wire.data(1, "hell") + Wire.headers(1, [("x", "y")]),
        ] {
            let fixture = fixture()
            #expect(fixture.receive(wrong).last == "reset at 0: protocolError")
            #expect(fixture.sent().last == "RST_STREAM 1 PROTOCOL_ERROR")
        }
    }
}
