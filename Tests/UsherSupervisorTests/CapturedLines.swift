import Glibc
import Testing
import UsherSupervisor

/// A pipe whose ends are closed one by one.
final class TestPipe: Sendable {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    func closeReadEnd() { close(readEnd) }
    func closeWriteEnd() { close(writeEnd) }

    /// Lines as they come, to the end of the pipe, which then is closed; a thread reads, since reading blocks.
    func readLines() -> AsyncStream<String> {
        let (lines, sink) = AsyncStream.makeStream(of: String.self)
        let context = Unmanaged.passRetained(Reader(descriptor: readEnd, sink: sink))
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Reader>.fromOpaque(context).takeRetainedValue().readToEnd()
                return nil
            }, context.toOpaque())
        pthread_detach(thread)
        return lines
    }

    private final class Reader: Sendable {
        let descriptor: Int32
        let sink: AsyncStream<String>.Continuation

        init(descriptor: Int32, sink: AsyncStream<String>.Continuation) {
            (self.descriptor, self.sink) = (descriptor, sink)
        }

        func readToEnd() {
            defer { sink.finish() }
            guard let file = fdopen(descriptor, "r") else { return }
            defer { fclose(file) }
            var line: UnsafeMutablePointer<CChar>?
            var capacity = 0
            defer { free(line) }
            while true {
                let length = getline(&line, &capacity, file)
                guard length > 0, let line else { return }
                let bytes = UnsafeRawBufferPointer(start: line, count: length)
                sink.yield(String(decoding: bytes.last == 0x0A ? bytes.dropLast() : bytes[...], as: UTF8.self))
            }
        }
    }
}

/// An output forwarder whose lines can be read.
struct CapturedLines: Sendable {
    let output: OutputForwarder
    let lines: AsyncStream<String>
    private let pipe: TestPipe

    init(nonBlocking: Bool = false) throws {
        pipe = try TestPipe()
        if nonBlocking { _ = fcntl(pipe.writeEnd, F_SETFL, O_WRONLY | O_NONBLOCK) }
        output = OutputForwarder(descriptor: pipe.writeEnd)
        lines = pipe.readLines()
    }

    /// No more lines are written; the stream ends after those already there.
    func finish() {
        pipe.closeWriteEnd()
    }
}
