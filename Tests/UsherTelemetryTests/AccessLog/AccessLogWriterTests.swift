import Foundation
import Logging
import NIOCore
import Synchronization
import Testing
import UsherCore

@testable import UsherTelemetry

@Suite(.timeLimit(.minutes(1))) struct AccessLogWriterTests {
    /// A clock that a test sets.
    private final class ManualClock: Sendable {
        private let moment = Mutex(MonotonicTime.start)

        var now: MonotonicTime { moment.withLock { $0 } }

        func advance(_ duration: Duration) {
            moment.withLock { $0 = $0.advanced(by: duration) }
        }
    }

    private let clock = ManualClock()
    private let logged = RecordedLog()

    private func writer(
        _ destination: AccessLogDestination, queueLimit: ByteCount = AccessLogWriter.queueLimit
    ) throws -> AccessLogWriter {
        let clock = clock
        let logger = Logger(label: "test") { [logged] _ in RecordingHandler(log: logged) }
        return try AccessLogWriter(destination, queueLimit: queueLimit, logger: logger) { clock.now }
    }

    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = URL.temporaryDirectory.appending(path: "usher-log-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    private func text(_ file: URL) throws -> String { try String(contentsOf: file, encoding: .utf8) }

    /// Reads on a thread of its own, so that a wait holds up no other test.
    private func read(_ count: Int, from pipe: Pipe) async throws -> Data? {
        let handle = pipe.fileHandleForReading
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try handle.read(upToCount: count) }) }
        }
    }

    @Test("lines are appended in their order, and closing writes what is queued")
    func appends() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "access.log")
            try "old\n".write(to: file, atomically: false, encoding: .utf8)
            let writer = try writer(.file(path: file.path))
            for number in 0..<1000 { writer.submit(ByteBuffer(string: "a\(number)\nb\(number)\n"), count: 2) }
            #expect(await writer.close())
            let expected = "old\n" + (0..<1000).map { "a\($0)\nb\($0)\n" }.joined()
            #expect(try text(file) == expected)
            #expect(writer.counts == AccessLogCounts(writtenLines: 2000, droppedLines: 0))
            #expect(!writer.submit(ByteBuffer(string: "late\n"), count: 1))
            #expect(await writer.close())
        }
    }

    @Test("a new file is for its owner and group only")
    func mode() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "access.log")
            await (try writer(.file(path: file.path))).close()
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            let mode = try #require(attributes[.posixPermissions] as? Int)
            // The mask of the process may take bits away, never add them.
            #expect(mode & ~0o640 == 0)
            #expect(mode & 0o600 == 0o600)
        }
    }

    @Test("after a rename or removal a new file is begun within a second")
    func rotation() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "access.log")
            let old = folder.appending(path: "access.log.1")
            let writer = try writer(.file(path: file.path))
            writer.submit(ByteBuffer(string: "one\n"), count: 1)
            await writer.flush()
            try FileManager.default.moveItem(at: file, to: old)
            writer.submit(ByteBuffer(string: "two\n"), count: 1)
            await writer.flush()
            #expect(try text(old) == "one\ntwo\n")
            clock.advance(.seconds(1))
            writer.submit(ByteBuffer(string: "three\n"), count: 1)
            await writer.flush()
            #expect(try text(file) == "three\n")
            try FileManager.default.removeItem(at: file)
            clock.advance(.seconds(1))
            writer.submit(ByteBuffer(string: "four\n"), count: 1)
            await writer.close()
            #expect(try text(file) == "four\n")
            #expect(writer.counts == AccessLogCounts(writtenLines: 4, droppedLines: 0))
        }
    }

    @Test("a folder that vanished costs nothing: the open file goes on")
    func folderGone() async throws {
        try await withFolder { folder in
            let inner = folder.appending(path: "inner")
            try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
            let writer = try writer(.file(path: inner.appending(path: "access.log").path))
            try FileManager.default.removeItem(at: inner)
            clock.advance(.seconds(1))
            writer.submit(ByteBuffer(string: "one\n"), count: 1)
            await writer.flush()
            #expect(writer.counts.writtenLines == 1)
            try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
            clock.advance(.seconds(1))
            writer.submit(ByteBuffer(string: "two\n"), count: 1)
            await writer.close()
            #expect(try text(inner.appending(path: "access.log")) == "two\n")
        }
    }

    @Test("a full disk drops and counts lines, and the server log says so once a minute")
    func fullDisk() async throws {
        let writer = try writer(.file(path: "/dev/full"))
        for _ in 0..<3 {
            writer.submit(ByteBuffer(string: "one\ntwo\n"), count: 2)
            await writer.flush()
        }
        #expect(writer.counts == AccessLogCounts(writtenLines: 0, droppedLines: 6))
        #expect(logged.lines.count == 1)
        clock.advance(.seconds(60))
        writer.submit(ByteBuffer(string: "three\n"), count: 1)
        await writer.flush()
        #expect(logged.lines.count == 2)
        #expect(logged.lines.last == "access log lines were dropped lines=5 why=No space left on device")
        await writer.close()
        #expect(logged.lines.count == 2)
    }

    @Test("lines pass again when the trouble is over")
    func recovers() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "access.log")
            try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: "/dev/full")
            let writer = try writer(.file(path: file.path))
            writer.submit(ByteBuffer(string: "one\n"), count: 1)
            await writer.flush()
            try FileManager.default.removeItem(at: file)
            writer.submit(ByteBuffer(string: "two\n"), count: 1)
            await writer.close()
            #expect(try text(file) == "two\n")
            #expect(writer.counts == AccessLogCounts(writtenLines: 1, droppedLines: 1))
        }
    }

    @Test("a pipe that nobody reads fills the queue, never the worker; later lines are dropped and counted")
    func fullQueue() async throws {
        let pipe = Pipe()
        let writer = try writer(
            .descriptor(pipe.fileHandleForWriting.fileDescriptor), queueLimit: .kibibytes(256))
        let buffer = ByteBuffer(string: String(repeating: String(repeating: "x", count: 1023) + "\n", count: 16))
        var taken = 0
        for _ in 0..<200 where writer.submit(buffer, count: 16) { taken += 1 }
        // At most the queue, and what the pipe itself holds (64 KiB) while the thread wrote.
        #expect(taken >= 16)
        #expect(taken <= 200 - 100)
        #expect(await writer.flush(within: .milliseconds(20)) == false)
        #expect(writer.counts.droppedLines == UInt64(200 - taken) * 16)
        #expect(await writer.close(within: .milliseconds(20)) == false)
        // The thread ends soon after it was told to give up; a second close waits for that.
        #expect(await writer.close())
        #expect(writer.counts.droppedLines + writer.counts.writtenLines == 3200)
    }

    @Test("a pipe whose reader is gone drops and counts lines, and the process lives")
    func closedPipe() async throws {
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let writer = try writer(.descriptor(pipe.fileHandleForWriting.fileDescriptor))
        writer.submit(ByteBuffer(string: "one\ntwo\n"), count: 2)
        #expect(await writer.close())
        #expect(writer.counts == AccessLogCounts(writtenLines: 0, droppedLines: 2))
        #expect(logged.lines == ["access log lines were dropped lines=2 why=Broken pipe"])
    }

    @Test("a pipe gets everything, however large the buffers are")
    func pipe() async throws {
        let pipe = Pipe()
        let writer = try writer(.descriptor(pipe.fileHandleForWriting.fileDescriptor))
        let line = String(repeating: "y", count: 99) + "\n"
        for _ in 0..<20 { writer.submit(ByteBuffer(string: String(repeating: line, count: 500)), count: 500) }
        async let received = read(1_000_000, from: pipe)
        // On a busy machine the reader may begin late.
        #expect(await writer.close(within: .seconds(50)))
        // Whoever reads must come to an end, also when the writer could not write everything.
        try pipe.fileHandleForWriting.close()
        #expect(try await received == Data(String(repeating: line, count: 10_000).utf8))
        #expect(writer.counts.writtenLines == 10_000)
    }

    @Test(
        "a path that cannot be opened is one line that says what to do", arguments: ["/proc/none/access.log", "/tmp"])
    func unopenable(path: String) throws {
        let error = #expect(throws: AccessLogError.self) { try writer(.file(path: path)) }
        let text = try #require(error).description
        #expect(text.hasPrefix("cannot open the access log \(path): "))
        #expect(text.hasSuffix("; make its folder writable or set log.access to another file, stdout or off"))
    }

    @Test("letting go of the writer ends its thread and writes what is queued")
    func released() async throws {
        let pipe = Pipe()
        var writer: AccessLogWriter? = try writer(.descriptor(pipe.fileHandleForWriting.fileDescriptor))
        writer?.submit(ByteBuffer(string: "last\n"), count: 1)
        writer = nil
        #expect(try await read(5, from: pipe) == Data("last\n".utf8))
    }

    @Test("a worker's batch hands its lines over when they are enough, and on flush")
    func batches() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "access.log")
            let writer = try writer(.file(path: file.path))
            var batch = AccessLogBatch(writer: writer, format: .json)
            for _ in 0..<1600 { batch.append(AccessEntry(), head: nil) }
            await writer.flush()
            let early = writer.counts.writtenLines
            #expect(early > 0 && early < 1600)
            batch.flush()
            batch.flush()
            await writer.close()
            #expect(writer.counts.writtenLines == 1600)
            #expect(try text(file).split(separator: "\n").count == 1600)
        }
    }
}

/// Keeps the messages that a logger was given.
final class RecordedLog: Sendable {
    private let all = Mutex<[String]>([])

    var lines: [String] { all.withLock { $0 } }

    func append(_ line: String) { all.withLock { $0.append(line) } }
}

struct RecordingHandler: LogHandler {
    let log: RecordedLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(log: RecordedLog) { self.log = log }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let pairs = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }
        log.append("\(event.message)" + pairs.joined())
    }
}
