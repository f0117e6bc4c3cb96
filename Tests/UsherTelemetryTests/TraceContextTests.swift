import NIOCore
import Testing
import UsherCore

@testable import UsherTelemetry

@Suite struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    @Test(
        "a valid header is read",
        arguments: [
            ("00-\(trace)-\(span)-01", 1), ("00-\(trace)-\(span)-00", 0), ("00-\(trace)-\(span)-ff", 3),
            ("00-\(trace)-\(span)-02", 2), ("01-\(trace)-\(span)-01", 1), ("cc-\(trace)-\(span)-01-what-comes", 1),
            ("cc-\(trace)-\(span)-01-", 1), ("fe-\(trace)-\(span)-09", 1),
        ] as [(String, UInt8)])
    func valid(text: String, flags: UInt8) throws {
        let context = try #require(TraceContext(Array(text.utf8)))
        #expect(context.traceHigh == 0x4bf9_2f35_77b3_4da6)
        #expect(context.traceLow == 0xa3ce_929d_0e0e_4736)
        #expect(context.span == 0x00f0_67aa_0ba9_02b7)
        #expect(context.flags == flags)
    }

    @Test(
        "anything else is ignored",
        arguments: [
            "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-", "00-\(trace)-\(span)-0", "ff-\(trace)-\(span)-01",
            "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01-extra", "cc-\(trace)-\(span)-01extra",
            "00-\(trace)-\(span)-0g", "0x-\(trace)-\(span)-01", "00-\(trace.uppercased())-\(span)-01",
            "00-\(trace)-\(span.uppercased())-01", "00-00000000000000000000000000000000-\(span)-01",
            "00-\(trace)-0000000000000000-01", "00_\(trace)-\(span)-01", "00-\(trace)_\(span)-01",
            "00-\(trace)-\(span)_01", " 00-\(trace)-\(span)-01", "00-\(trace)-\(span)-01 ",
            "00-\(trace)-\(span)-+1", "00-\(trace)-00f067aa0ba902b-701",
        ])
    func invalid(text: String) {
        #expect(TraceContext(Array(text.utf8)) == nil)
    }

    @Test("what is written reads back as the same context")
    func roundTrip() throws {
        var random = SeededRandom(seed: 7)
        for _ in 0..<500 {
            let context = TraceContext.started(random: &random)
            var buffer = ByteBuffer()
            context.write(to: &buffer)
            #expect(buffer.readableBytes == TraceContext.textLength)
            #expect(TraceContext(Array(buffer.readableBytesView)) == context)
        }
    }

    @Test("the text is version 00 with a dash between the parts")
    func text() throws {
        let context = try #require(TraceContext(Array("cc-\(Self.trace)-\(Self.span)-01-more".utf8)))
        var buffer = ByteBuffer(string: "traceparent: ")
        context.write(to: &buffer)
        #expect(String(buffer: buffer) == "traceparent: 00-\(Self.trace)-\(Self.span)-01")
    }

    @Test("a continued trace keeps its id and flags and has a new span")
    func continued() throws {
        var random = SeededRandom(seed: 1)
        let received = try #require(TraceContext(Array("00-\(Self.trace)-\(Self.span)-00".utf8)))
        let sent = received.continued(random: &random)
        #expect(sent.traceHigh == received.traceHigh)
        #expect(sent.traceLow == received.traceLow)
        #expect(sent.flags == 0)
        #expect(sent.span != received.span)
        #expect(sent.span != 0)
    }

    @Test("random bytes never trap, and changing any one byte of a valid header is noticed or harmless")
    func hostile() {
        var random = SeededRandom(seed: 99)
        let valid = Array("00-\(Self.trace)-\(Self.span)-01".utf8)
        for round in 0..<5000 {
            var bytes = valid
            if round % 2 == 0 {
                bytes[random.below(bytes.count)] = UInt8(random.below(256))
            } else {
                bytes = (0..<random.below(80)).map { _ in UInt8(random.below(256)) }
            }
            guard let context = TraceContext(bytes) else { continue }
            #expect(context.traceHigh | context.traceLow != 0 && context.span != 0, "\(bytes)")
        }
    }
}
