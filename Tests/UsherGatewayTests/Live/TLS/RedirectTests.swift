import Foundation
import Testing
import UsherGateway
import UsherTestKit
import UsherTransport

/// A listener in the clear that sends everybody to TLS.
@Suite(.timeLimit(.minutes(1))) struct RedirectTests {
    private static func listeners(_ files: CertificateFolder.Files, keys: String = "") -> String {
        "listeners: [{ address: 127.0.0.1:0, redirect: https }, "
            + "{ address: 127.0.0.1:0, tls: { certificates: [\(files.yaml)]\(keys) } }]\n"
    }

    @Test("every request is sent to the same place over TLS, whatever the routes say")
    func redirected() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let gateway = try await stage.gateway(
                Self.listeners(try folder.server("a.test")) + "routes: [{ respond: { status: 200, body: x } }]")
            let port = gateway.bound.listenerPorts[1]
            for (request, location) in [
                (Text.get("/a%20b?c=d", host: "A.test:8080"), "https://A.test:\(port)/a%20b?c=d"),
                (Text.get("/", host: "[::1]:80"), "https://[::1]:\(port)/"),
                ("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", "https://a.test:\(port)/"),
                (Text.post("/buy", body: "1 tea"), "https://a.example:\(port)/buy"),
            ] {
                let answer = try await gateway.ask(request)
                #expect(answer.status == 308)
                #expect(answer.value("Location") == location)
                #expect(answer.value("Strict-Transport-Security") == nil)
            }
            #expect(try await gateway.ask("GET / HTTP/1.0\r\n\r\n").status == 400)
        }
    }

    @Test("HSTS is told over TLS only, also with answers of services, replaces what these say, and yields to a route")
    func hsts() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let name = "Strict-Transport-Security"
            let upstream = try await stage.upstream(
                answering: Text.answer("ok", "Strict-Transport-Security: max-age=1\r\n"))
            let gateway = try await stage.gateway(
                Self.listeners(try folder.server("a.test"), keys: ", hsts: 30d")
                    + "services: { web: { replicas: [\"\(upstream.address)\"] } }\n"
                    + "routes: [{ match: { path: /own }, respond: { status: 200, body: x } },"
                    + "{ match: { path: /set }, service: web, headers: { set: { \(name): max-age=5 } } },"
                    + "{ match: { path: /fixed }, respond: { status: 200 }, headers: { set: { \(name): max-age=5 } } },"
                    + "{ match: { path: /none }, service: web, headers: { remove: [\(name)] } }, { service: web }]")
            for (path, values) in [
                ("/own", ["max-age=2592000"]), ("/", ["max-age=2592000"]), ("/set", ["max-age=5"]),
                ("/fixed", ["max-age=5"]), ("/none", []),
            ] {
                let secured = try await RawTLSClient.connect(
                    port: gateway.bound.listenerPorts[1], name: "a.test", try folder.client())
                try await secured.connection.send(Text.get(path))
                let answer = try await secured.connection.receiveAnswer()
                #expect(answer.values(name) == values, "\(path)")
                await secured.connection.close()
            }
        }
    }
}
