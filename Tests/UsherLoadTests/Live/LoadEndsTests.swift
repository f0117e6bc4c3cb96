import NIOCore
import NIOSSL
import Synchronization
import Testing
import UsherCore
import UsherLoad
import UsherTestKit
import UsherTransport

@Suite("Runs that cannot go on", .timeLimit(.minutes(2)))
struct LoadEndsTests {
    @Test(
        "a port that refuses is silence, at once",
        arguments: [LoadPace.closed, .open(Rate(count: 9, per: .seconds(1)), .even)])
    func refused(pace: LoadPace) async throws {
        let port = try RefusingPort()
        guard case .ip(_, let number) = port.address else { return }
        let plan = try LoadFixture.plan(number, requests: nil) { plan in
            (plan.duration, plan.connections, plan.pace) = (.seconds(60), 3, pace)
        }
        let report = try await LoadRun(plan).run()
        #expect(report.answers == 0 && report.errors["connect"] == 3)
        #expect(report.silence?.contains("Connection refused") == true)
        #expect(report.durationSeconds < 30)
    }

    @Test("a server that goes away in the middle is counted, and the run goes on to its end")
    func goesAway() async throws {
        let upstream = try await ScriptedUpstream.start { peer in
            _ = try await peer.receiveRequest()
            try await peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        }
        let plan = try LoadFixture.plan(upstream.port, requests: 4) {
            $0.pace = .open(Rate(count: 5, per: .seconds(1)), .even)
        }
        let run = Task { try await LoadRun(plan).run() }
        try await upstream.connections.wait(for: 1)
        await upstream.stopListening()
        let report = try await run.value
        // A connection that waits to be accepted when the server goes is reset.
        let refused = (report.errors["connect"] ?? 0) + (report.errors["reset"] ?? 0)
        #expect(report.requests == 4 && report.answers >= 1 && refused == 4 - report.answers)
    }

    @Test("a run that is cancelled tells what there is")
    func cancelled() async throws {
        let upstream = try await ScriptedUpstream.answering()
        let plan = try LoadFixture.plan(upstream.port, requests: nil) { $0.duration = .seconds(600) }
        let progress = AsyncStream<LoadProgress>.makeStream()
        let run = Task { try await LoadRun(plan).run { progress.continuation.yield($0) } }
        var seen: LoadProgress?
        for await next in progress.stream where next.requests > 0 {
            seen = next
            break
        }
        run.cancel()
        let report = try await run.value
        await upstream.stop()
        #expect(report.isInterrupted && report.answers > 0 && report.durationSeconds < 300)
        let last = try #require(seen)
        #expect(last.total == 600 && last.p99 != nil && last.share < 0.5)
    }

    @Test("a run that is cancelled before anything answers ends, too")
    func cancelledEarly() async throws {
        let upstream = try await ScriptedUpstream.start { peer in _ = try await peer.receiveUntilEnd() }
        let plan = try LoadFixture.plan(upstream.port, requests: 1)
        let run = Task { try await LoadRun(plan).run() }
        try await upstream.connections.wait(for: 1)
        run.cancel()
        let report = try await run.value
        await upstream.stop()
        #expect(report.isInterrupted && report.answers == 0)
    }

    @Test("a plan without anything to ask for is over at once")
    func nothing() async throws {
        let plan = try LoadFixture.plan(9, requests: 1) { $0.targets = TargetList() }
        #expect(!plan.problems.isEmpty)
        #expect(try await LoadRun(plan).run().silence?.hasPrefix("nobody was asked") == true)
    }

    // MARK: TLS

    private static func certificate() throws -> NIOSSLContext {
        let pair = try DevelopmentAuthority().issue(.server(["127.0.0.1"]))
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(pair.certificate.utf8)).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(pair.key.utf8), format: .pem)))
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }

    @Test("TLS is spoken; an unknown authority is silence unless nobody minds", arguments: [true, false])
    func tls(isInsecure: Bool) async throws {
        let upstream = try await ScriptedUpstream.start(
            tls: try Self.certificate(), script: LoadFixture.answering(LoadFixture.answer))
        let plan = try LoadFixture.plan(upstream.port, requests: 5, scheme: "https") { $0.isInsecure = isInsecure }
        let report = try await LoadRun(plan).run()
        await upstream.stop()
        if isInsecure {
            #expect(report.answers == 5 && report.connectionsOpened == 1)
        } else {
            #expect(report.answers == 0 && report.errors["connect"] == 1)
            #expect(report.silence?.contains("TLS: ") == true, "\(report.silence ?? "")")
        }
    }

    @Test("a server that does not choose HTTP/2 in its handshake is told as that")
    func noHTTP2() async throws {
        let upstream = try await ScriptedUpstream.start(
            tls: try Self.certificate(), script: LoadFixture.answering(LoadFixture.answer))
        let plan = try LoadFixture.plan(upstream.port, requests: 5, scheme: "https") { plan in
            (plan.isInsecure, plan.isHTTP2) = (true, true)
        }
        let report = try await LoadRun(plan).run()
        await upstream.stop()
        #expect(report.silence?.contains("does not speak HTTP/2") == true)
    }
}
