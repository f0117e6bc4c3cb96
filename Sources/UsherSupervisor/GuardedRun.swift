import CUsherGuard
import Glibc
import Subprocess
import SystemPackage

/// One life of a command under its guard, from the start of the guard until nothing of the process tree is left.
///
/// swift-subprocess starts the guard (posix_spawn in a session of its own, every other descriptor closed) and gives its
/// output as sequences that end with the guard, even when a stranger still holds the pipe. Stopping is ours: a control
/// channel that closes with Usher, whatever ends it, is what the guard obeys.
struct GuardedRun: Sendable {
    enum Outcome: Sendable, Hashable {
        case ended(ProcessEnd)
        case neverStarted(String)
    }

    let name: String
    let specification: ProcessSpecification
    let guardExecutable: String
    let grace: Duration
    let output: OutputForwarder

    /// A guard gives up on what does not die after 10 s; one that has not ended by then is beyond talking to.
    private static let guardPatience: Duration = .seconds(20)

    /// Returns when the process tree is gone; `stop` ending is the request to stop it, politely for `grace`.
    func run(until stop: AsyncStream<Never>, started: @escaping @Sendable (Int32) -> Void) async -> Outcome {
        guard let program = specification.command.first, !program.isEmpty else {
            return .neverStarted("cannot start an empty command; write the program first in `run`")
        }
        var ends: [Int32] = [-1, -1]
        guard usher_guard_channel(&ends) == 0 else {
            return .neverStarted("cannot start '\(program)': no control channel: \(Errno(rawValue: errno))")
        }
        let channel = ends[0]
        defer { close(channel) }
        do {
            return try await launch(controlledBy: ends[1], channel: channel, stop: stop, started: started)
        } catch let error as SubprocessError where error.code == .failedToChangeWorkingDirectory {
            return .neverStarted("cannot start '\(program)': no folder '\(specification.folder)' to start it in")
        } catch {
            return .neverStarted("cannot start '\(program)' under its guard '\(guardExecutable)': \(error)")
        }
    }

    private func launch(
        controlledBy guardEnd: Int32, channel: Int32, stop: AsyncStream<Never>,
        started: @escaping @Sendable (Int32) -> Void
    ) async throws -> Outcome {
        var options = PlatformOptions()
        options.createSession = true
        let additions = specification.environment.map { (Environment.Key(stringLiteral: $0.key), Optional($0.value)) }
        let result = try await Subprocess.run(
            .path(FilePath(guardExecutable)),
            arguments: Arguments(
                executablePathOverride: "usher",
                remainingValues: ["__guard", "--report", "--"] + specification.command),
            environment: .inherit.updating(Dictionary(additions) { $1 }),
            workingDirectory: FilePath(specification.folder),
            platformOptions: options,
            input: .fileDescriptor(FileDescriptor(rawValue: guardEnd), closeAfterSpawningProcess: true),
            output: .sequence,
            error: .sequence
        ) { execution in
            // Cancelled and awaited when this scope ends, which it does once the guard has ended.
            async let _ = stopTree(execution, channel: channel, when: stop)
            async let forwarding: Void = forward(execution.standardError)
            let outcome = await follow(execution.standardOutput, started: started)
            await forwarding
            return outcome
        }
        if case .signaled = result.terminationStatus {
            // Somebody killed the guard. The kernel has killed the command with it; the rest is in the guard's session.
            usher_guard_sweep_session(result.processIdentifier.value)
        }
        return result.closureResult ?? Self.outcome(withoutReport: result.terminationStatus)
    }

    /// A guard that was killed, or that is another program, says nothing about its command.
    private static func outcome(withoutReport status: TerminationStatus) -> Outcome {
        switch status {
        case .exited(let code): .neverStarted("the guard ended with exit code \(code) and no word about its command")
        case .signaled(let number): .ended(.signal(number))
        }
    }

    private func follow(
        _ reports: SubprocessOutputSequence, started: @Sendable (Int32) -> Void
    ) async -> Outcome? {
        var reader = GuardReportReader()
        var outcome: Outcome?
        do {
            for try await buffer in reports {
                for report in reader.take(buffer.bytes) {
                    switch report {
                    case .started(let pid): started(pid)
                    case .failed(let line): outcome = .neverStarted(line)
                    case .ended(let status): outcome = .ended(status)
                    }
                }
            }
        } catch {
            // A pipe that cannot be read says no more; the guard's own exit status tells the rest.
        }
        return outcome
    }

    private func forward(_ lines: SubprocessOutputSequence) async {
        var cutter = LineCutter(name: name)
        do {
            for try await buffer in lines {
                var whole: [UInt8] = []
                cutter.take(buffer.bytes, into: &whole)
                await output.offer(whole)
            }
        } catch {
            // What was read before is worth more than a word about the pipe.
        }
        var last: [UInt8] = []
        cutter.finish(into: &last)
        await output.offer(last)
    }

    private func stopTree<Input, Output, Error>(
        _ execution: Execution<Input, Output, Error>, channel: Int32, when stop: AsyncStream<Never>
    ) async {
        for await _ in stop {}
        do {
            try Task.checkCancellation()
            // A guard that somebody stopped would not read its orders.
            try execution.send(signal: .resume)
            _ = usher_guard_tell(channel, CChar(UInt8(ascii: "T")))
            try await Task.sleep(for: grace)
            try execution.send(signal: .resume)
            _ = usher_guard_tell(channel, CChar(UInt8(ascii: "K")))
            try await Task.sleep(for: Self.guardPatience)
            try execution.send(signal: .kill)
        } catch {
            // The guard has ended meanwhile, which is all that was wanted.
        }
    }
}
