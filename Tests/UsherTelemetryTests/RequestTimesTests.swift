import NIOCore
import Testing

@testable import UsherTelemetry

@Suite struct RequestTimesTests {
    private func text(_ times: RequestTimes) -> String {
        var buffer = ByteBuffer()
        ServerTiming.write(times, to: &buffer)
        return String(buffer: buffer)
    }

    @Test("the head's line has queue, connect and wait in milliseconds")
    func head() {
        var times = RequestTimes()
        #expect(text(times) == "Server-Timing: queue;dur=0, connect;dur=0, wait;dur=0\r\n")
        times.queue = 100_000
        times.connect = 300_000
        times.wait = 12_400_000
        times.transfer = 9_000_000
        #expect(text(times) == "Server-Timing: queue;dur=0.1, connect;dur=0.3, wait;dur=12.4\r\n")
    }

    @Test("the trailer's line has the transfer alone, after what stands in the buffer")
    func trailer() {
        var times = RequestTimes()
        times.wait = 1_000_000
        times.transfer = 3_250_000
        var buffer = ByteBuffer(string: "0\r\n")
        ServerTiming.writeTrailer(times, to: &buffer)
        #expect(String(buffer: buffer) == "0\r\nServer-Timing: transfer;dur=3.25\r\n")
    }

    @Test(
        "durations have no more digits than they need, and never more than three decimals",
        arguments: [
            (0, "0"), (999, "0"), (1_000, "0.001"), (85_999, "0.085"), (100_000, "0.1"), (120_000, "0.12"),
            (1_000_000, "1"), (1_001_000, "1.001"), (1_010_000, "1.01"), (60_000_000_000, "60000"),
            (UInt64.max, "18446744073709.551"),
        ] as [(UInt64, String)])
    func durations(nanoseconds: UInt64, expected: String) {
        var times = RequestTimes()
        times.wait = nanoseconds
        #expect(text(times) == "Server-Timing: queue;dur=0, connect;dur=0, wait;dur=\(expected)\r\n")
    }

    @Test("the longest line fits the room that is reserved")
    func longest() {
        var times = RequestTimes()
        times.queue = .max
        times.connect = .max
        times.wait = .max
        #expect(text(times).utf8.count <= ServerTiming.longestLine)
    }
}
