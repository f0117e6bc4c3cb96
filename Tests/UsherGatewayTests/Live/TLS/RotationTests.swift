import Foundation
import NIOSSL
import Synchronization
import Testing
import UsherTestKit
import UsherTransport

/// Certificates whose files change while they are in use.
@Suite(.timeLimit(.minutes(2))) struct RotationTests {
    @Test("a new pair is used for new handshakes, and connections that are open go on")
    func replaced() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let files = try folder.server("a.test")
            let gateway = try await stage.gateway(tlsListener(files) + answersHere)
            let before = try await folder.visit(gateway).certificate
            let open = try await RawTLSClient.connect(port: gateway.port, name: "a.test", try folder.client())
            _ = try folder.server("a.test")
            try await Self.wait(gateway, files, "applied", 1)
            #expect(try await folder.visit(gateway).certificate != before)
            #expect(try await open.ask().status == 200)
            #expect(open.certificate == before)
        }
    }

    @Test("a pair that is no good leaves the one before in place, says why, and is taken when it is mended")
    func refused() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let files = try folder.server("a.test")
            let gateway = try await stage.gateway(tlsListener(files) + answersHere)
            let before = try await folder.visit(gateway).certificate
            let other = try folder.authority.issue(.server(["a.test"]))
            let good = try String(contentsOfFile: files.chain, encoding: .utf8)
            let expired = try folder.authority.issue(.server(["a.test"]), days: 1, now: .now.addingTimeInterval(-1e7))
            var refused = 0
            for (chain, reason) in [
                ("no certificate", "holds no certificate in PEM form"),
                (String(good.dropLast(60)), "holds no certificate"),
                ("", "holds no certificate"), (other.certificate, "does not belong to the first certificate"),
                (nil, "No such file"),
            ] {
                if let chain {
                    try chain.write(toFile: files.chain, atomically: true, encoding: .utf8)
                } else {
                    try FileManager.default.removeItem(atPath: files.chain)
                }
                refused += 1
                try await Self.wait(gateway, files, "refused", refused)
                #expect(try await folder.visit(gateway).certificate == before)
                let told = try await gateway.admin("/api/v1/certificates").text
                #expect(told.contains("\"state\" : \"kept\"") && told.contains(reason), "\(told)")
            }
            _ = try folder.write(expired, "a.test")
            refused += 1
            try await Self.wait(gateway, files, "refused", refused)
            #expect(try await gateway.admin("/api/v1/certificates").text.contains("it expired "))
            #expect(try await folder.visit(gateway).certificate == before)
            _ = try folder.server("a.test")
            try await Self.wait(gateway, files, "applied", 1)
            #expect(try await gateway.admin("/api/v1/certificates").text.contains("\"state\" : \"ok\""))
            #expect(try await folder.visit(gateway).certificate != before)
        }
    }

    @Test("a pair that is not valid yet waits for its time")
    func early() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let files = try folder.server("a.test")
            let gateway = try await stage.gateway(tlsListener(files) + answersHere)
            let before = try await folder.visit(gateway).certificate
            // Certificates begin a day before they are made.
            _ = try folder.server("a.test", now: .now.addingTimeInterval(86_400 + 4))
            try await Self.wait(gateway, files, "refused", 1)
            #expect(try await gateway.admin("/api/v1/certificates").text.contains("it is valid only in "))
            #expect(try await folder.visit(gateway).certificate == before)
            try await Self.wait(gateway, files, "applied", 1)
            #expect(try await folder.visit(gateway).certificate != before)
        }
    }

    @Test("rotation under load fails no handshake and no request")
    func underLoad() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let files = try folder.server("a.test")
            let gateway = try await stage.gateway("workers: 2\n" + tlsListener(files) + answersHere)
            let load = Load()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        while !load.isOver {
                            _ = try await folder.visit(gateway)
                            load.handshakeDone()
                        }
                    }
                }
                defer { load.end() }
                for turn in 1...5 {
                    let before = load.handshakes
                    _ = try folder.server("a.test")
                    try await Self.wait(gateway, files, "applied", turn)
                    // Handshakes with the new one have been made before the next comes.
                    while load.handshakes < before + 20 { try await Task.sleep(for: .milliseconds(5)) }
                }
            }
            let completed = try await gateway.metric("usher_tls_handshakes_total{outcome=\"completed\"}")
            #expect(completed == Double(load.handshakes))
            for end in ["failed", "aborted", "timed-out", "plaintext"] {
                #expect(try await gateway.metric("usher_tls_handshakes_total{outcome=\"\(end)\"}") == 0, "\(end)")
            }
        }
    }

    @Test("a reload brings other certificates, TLS where there was none, and takes it away")
    func reload() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let (first, second) = (try folder.server("a.test"), try folder.server("a.test", file: "second"))
            func listener(_ keys: String) -> String { "listeners: [{ address: 127.0.0.1:0\(keys) }]\n" }
            func tls(_ files: CertificateFolder.Files) -> String { ", tls: { certificates: [\(files.yaml)] }" }
            let gateway = try await stage.gateway(listener("") + answersHere)
            let clear = try await RawClient.connect(port: gateway.port)
            try await clear.send(Text.get())
            #expect(try await clear.receiveAnswer().status == 200)

            #expect(try await gateway.reload(listener(tls(first)) + answersHere).outcome == "applied")
            let shown = try await folder.visit(gateway).certificate
            #expect(try await gateway.ask(Text.get()).status == 400)
            // Whoever came in before TLS was asked for is asked to come again.
            try await clear.waitForEnd()

            #expect(try await gateway.reload(listener(tls(second)) + answersHere).outcome == "applied")
            #expect(try await folder.visit(gateway).certificate != shown)

            let missing = CertificateFolder.Files(chain: "\(stage.folder)/none.pem", key: first.key)
            let refused = try await gateway.reload(listener(tls(missing)) + answersHere)
            #expect(refused.outcome == "refused" && refused.problems.joined().contains("none.pem"))
            #expect(try await folder.visit(gateway).certificate != shown)

            #expect(try await gateway.reload(listener("") + answersHere).outcome == "applied")
            #expect(try await gateway.ask(Text.get()).status == 200)
        }
    }

    // MARK: Helpers

    /// What several clients do at once.
    private final class Load: Sendable {
        private let state = Mutex((handshakes: 0, isOver: false))

        var handshakes: Int { self.state.withLock { $0.handshakes } }
        var isOver: Bool { self.state.withLock { $0.isOver } }

        func handshakeDone() { self.state.withLock { $0.handshakes += 1 } }
        func end() { self.state.withLock { $0.isOver = true } }
    }

    private static func wait(
        _ gateway: RunningGateway, _ files: CertificateFolder.Files, _ outcome: String, _ count: Int
    ) async throws {
        try await gateway.wait(
            for: "usher_certificate_reloads_total{used_by=\"listener 127.0.0.1:\(gateway.port)\","
                + "certificate=\"\(files.chain)\",outcome=\"\(outcome)\"}", toBe: Double(count))
    }
}
