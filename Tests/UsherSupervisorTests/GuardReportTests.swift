import Testing

@testable import UsherSupervisor

@Suite struct GuardReportTests {
    @Test(
        "a guard's line is understood",
        arguments: [
            ("started 4711", GuardReport.started(pid: 4711)),
            ("failed cannot start 'x': no such file", .failed("cannot start 'x': no such file")),
            ("ended code 0", .ended(.code(0))),
            ("ended signal 9", .ended(.signal(9))),
        ])
    func understood(line: String, report: GuardReport) {
        #expect(GuardReport(line: line) == report)
    }

    @Test(
        "a line that no guard writes is ignored",
        arguments: [
            "", " ", "started", "started x", "started 0", "started -4", "started 99999999999", "ended", "ended code",
            "ended code x", "ended well 3", "ended code 3 4", "unknown 5",
        ])
    func ignored(line: String) {
        #expect(GuardReport(line: line) == nil)
    }

    @Test("reports are the same wherever the bytes are split")
    func everySplit() {
        let bytes = Array("started 12\nnonsense\nended signal 15\n".utf8)
        for split in 0...bytes.count {
            var reader = GuardReportReader()
            let first = Array(bytes[..<split])
            let second = Array(bytes[split...])
            let reports = reader.take(first.span.bytes) + reader.take(second.span.bytes)
            #expect(reports == [.started(pid: 12), .ended(.signal(15))], "split at \(split)")
        }
    }

    @Test("bytes without a line feed do not pile up")
    func bounded() {
        var reader = GuardReportReader()
        let noise = [UInt8](repeating: 0x78, count: 100_000)
        #expect(reader.take(noise.span.bytes).isEmpty)
        let rest = Array("\nstarted 5\n".utf8)
        #expect(reader.take(rest.span.bytes) == [.started(pid: 5)])
    }

    @Test("the status of an end names the signal")
    func statusText() {
        #expect(ProcessEnd.signal(9).description == "signal 9 (SIGKILL)")
        #expect(ProcessEnd.signal(64).description == "signal 64")
        #expect(ProcessEnd.code(3).description == "exit code 3")
    }
}
