import Foundation
import Testing
import UsherCore
import UsherTestKit

@Suite("Start, stop and addresses", .timeLimit(.minutes(1)))
struct LifecycleTests {
    @Test("graceful shutdown finishes the running request, closes idle connections and takes no new ones")
    func drain() async throws {
        try await onStage { stage in
            let atWork = Signal()
            let goOn = Signal()
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    if request.target == "/slow" {
                        atWork.fire()
                        try await goOn.wait()
                    }
                    try await peer.send(Text.ok)
                }
            }
            let gateway = try await stage.gateway(to: upstream)
            let idle = try await stage.client(gateway)
            try await idle.send(Text.get())
            _ = try await idle.receiveAnswer()
            let busy = try await stage.client(gateway)
            try await busy.send(Text.get("/slow"))
            try await atWork.wait()
            let stopping = Task { try await gateway.stop() }
            #expect(try await idle.waitForEnd() == .closed)
            await #expect(throws: (any Error).self) { _ = try await RawClient.connect(port: gateway.port) }
            goOn.fire()
            let answer = try await busy.receiveAnswer()
            #expect(answer.text == "ok")
            #expect(answer.value("connection") == "close")
            try await busy.waitForEnd()
            try await stopping.value
        }
    }

    @Test("a port that another program uses is one clear line")
    func portInUse() async throws {
        try await onStage { stage in
            let other = try await stage.upstream()
            let failure = await #expect(throws: RunningGateway.StartFailure.self) {
                _ = try await stage.gateway(
                    "listeners: [{ address: 127.0.0.1:\(other.port) }]\nroutes: [{ respond: { status: 200 } }]")
            }
            let text = failure?.description ?? ""
            #expect(text.contains("127.0.0.1:\(other.port) is in use by another program"), "\(text)")
            #expect(!text.contains("\n"))
        }
    }

    @Test("an admin port that another program uses is one clear line that names it")
    func adminPortInUse() async throws {
        try await onStage { stage in
            let other = try await stage.upstream()
            let failure = await #expect(throws: RunningGateway.StartFailure.self) {
                _ = try await stage.gateway(
                    "admin: 127.0.0.1:\(other.port)\nroutes: [{ respond: { status: 200 } }]")
            }
            let text = failure?.description ?? ""
            #expect(text.contains("127.0.0.1:\(other.port)"), "\(text)")
            #expect(!text.contains("\n"))
        }
    }

    @Test("a second Usher on the same state folder is refused with one line")
    func sameState() async throws {
        try await onStage { stage in
            let yaml = "state: \(stage.folder)/shared\nroutes: [{ respond: { status: 200 } }]"
            _ = try await stage.gateway(yaml)
            let failure = await #expect(throws: RunningGateway.StartFailure.self) { _ = try await stage.gateway(yaml) }
            let text = failure?.description ?? ""
            #expect(text.hasPrefix("another Usher runs with the state folder"), "\(text)")
        }
    }

    @Test("a second Usher on the same listener is refused with one line, SO_REUSEPORT or not")
    func sameListener() async throws {
        try await onStage { stage in
            let (yaml, port) = try await Self.startOnFreePort(stage)
            let failure = await #expect(throws: RunningGateway.StartFailure.self) { _ = try await stage.gateway(yaml) }
            let text = failure?.description ?? ""
            #expect(text.hasPrefix("another Usher listens on 127.0.0.1:\(port)"), "\(text)")
        }
    }

    /// Starts a gateway on a port that was free a moment ago, another one if somebody was faster; a listener on port 0
    /// has no lock of its own.
    private static func startOnFreePort(_ stage: Stage) async throws -> (yaml: String, port: Int) {
        for _ in 1...10 {
            let probe = try await ScriptedUpstream.answering()
            let port = probe.port
            await probe.stop()
            let yaml = "listeners: [{ address: 127.0.0.1:\(port) }]\nroutes: [{ respond: { status: 200 } }]"
            if (try? await stage.gateway(yaml)) != nil { return (yaml, port) }
        }
        throw TestKitError.ended("no free port in ten attempts")
    }

    @Test("listeners and replicas may be unix sockets; the client's address is unknown then")
    func unixSockets() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(at: .unix(path: stage.folder + "/replica.sock")) { peer in
                while try await peer.receiveRequest() != nil { try await peer.send(Text.ok) }
            }
            let path = stage.folder + "/usher.sock"
            let gateway = try await stage.gateway(
                "listeners: [{ address: \"unix:\(path)\" }]\nservices: { web: { replicas: [\"\(upstream.address)\"] } }"
            )
            let client = try await RawClient.connect(to: .unix(path: path))
            try await client.send(Text.get())
            #expect(try await client.receiveAnswer().text == "ok")
            await client.close()
            let seen = upstream.received.joined()
            #expect(seen.contains("X-Forwarded-For: unknown\r\n"))
            #expect(seen.contains("Forwarded: for=unknown;proto=http;host=\"a.example\"\r\n"))
            try await gateway.stop()
            #expect(!FileManager.default.fileExists(atPath: path))
            #expect(try gateway.accessLog().first?["client"] as? String == "unix")
        }
    }

    @Test("a socket file that a killed Usher left behind does not keep the next one from starting")
    func staleSocket() async throws {
        try await onStage { stage in
            let path = stage.folder + "/usher.sock"
            let stale = try await ScriptedUpstream.start(at: .unix(path: path)) { _ in }
            await stale.stopListening()
            let gateway = try await stage.gateway(
                "listeners: [{ address: \"unix:\(path)\" }]\nroutes: [{ respond: { status: 200, body: ok } }]")
            let client = try await RawClient.connect(to: .unix(path: path))
            try await client.send(Text.get())
            #expect(try await client.receiveAnswer().text == "ok")
            await client.close()
            try await gateway.stop()
        }
    }

    @Test("listeners and replicas may be IPv6")
    func ipv6() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(answering: Text.ok, at: .ipv6)
            let gateway = try await stage.gateway(
                "listeners: [{ address: \"[::1]:0\" }]\nservices: { web: { replicas: [\"\(upstream.address)\"] } }")
            let address = try #require(IPAddress(text: "::1"))
            let client = try await RawClient.connect(to: .ip(address, port: gateway.port))
            try await client.send(Text.get())
            #expect(try await client.receiveAnswer().text == "ok")
            await client.close()
            let seen = upstream.received.joined()
            #expect(seen.contains("X-Forwarded-For: ::1\r\n"))
            #expect(seen.contains("Forwarded: for=\"[::1]\";proto=http;host=\"a.example\"\r\n"))
        }
    }

    @Test("replicas may be names")
    func names() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(
                "services: { web: { replicas: [\"localhost:\(upstream.port)\"] } }")
            #expect(try await gateway.ask(Text.get()).text == "ok")
        }
    }

    @Test("several workers share a port and serve side by side")
    func workers() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(
                "workers: 3\nservices: { web: { replicas: [\"\(upstream.address)\"] } }")
            for _ in 1...30 { #expect(try await gateway.ask(Text.get()).status == 200) }
            #expect(try await gateway.metric("usher_requests_total{service=\"web\",route=\"*\",code=\"2xx\"}") == 30)
        }
    }
}
