import Glibc
import Testing

@testable import UsherSupervisor

@Suite(.timeLimit(.minutes(1))) struct OutputForwarderTests {
    @Test("lines arrive whole and in order")
    func order() async throws {
        let captured = try CapturedLines()
        for number in 0..<5000 {
            await captured.output.offer(Array("line \(number) \(String(repeating: "x", count: number % 300))\n".utf8))
        }
        await captured.output.drain(within: .seconds(30))
        captured.finish()
        var next = 0
        for await line in captured.lines {
            #expect(line == "line \(next) \(String(repeating: "x", count: next % 300))")
            next += 1
        }
        #expect(next == 5000)
    }

    @Test("a reader that stands still costs lines, not time, and is told how many")
    func stalledReader() async throws {
        let pipe = try TestPipe()
        let output = OutputForwarder(descriptor: pipe.writeEnd, capacity: 64 * 1024)
        let line = Array((String(repeating: "y", count: 1023) + "\n").utf8)
        // Were each line to wait its 200 ms, this would take longer than the suite may.
        for _ in 0..<2000 { await output.offer(line) }
        let reader = pipe.readLines()
        await output.drain(within: .seconds(30))
        _ = output.write(Array("the end\n".utf8))
        await output.drain(within: .seconds(30))
        pipe.closeWriteEnd()
        var kept = 0
        var dropped = 0
        for await line in reader {
            if line.hasPrefix("usher | ") {
                dropped += Int(line.split(separator: " ")[2]) ?? 0
            } else if line != "the end" {
                #expect(line.utf8.count == 1023)
                kept += 1
            }
        }
        #expect(dropped > 0)
        #expect(kept + dropped == 2000)
    }

    @Test("a descriptor whose reader is gone ends nobody")
    func brokenPipe() async throws {
        let pipe = try TestPipe()
        let output = OutputForwarder(descriptor: pipe.writeEnd)
        pipe.closeReadEnd()
        for _ in 0..<10 { output.write(Array("into the void\n".utf8)) }
        await output.drain(within: .seconds(10))
        pipe.closeWriteEnd()
    }

    @Test("a non-blocking descriptor gets everything as well")
    func nonBlocking() async throws {
        let captured = try CapturedLines(nonBlocking: true)
        let line = Array((String(repeating: "z", count: 9999) + "\n").utf8)
        for _ in 0..<100 { await captured.output.offer(line) }
        await captured.output.drain(within: .seconds(30))
        captured.finish()
        var count = 0
        for await line in captured.lines where line.utf8.count == 9999 { count += 1 }
        #expect(count == 100)
    }
}
