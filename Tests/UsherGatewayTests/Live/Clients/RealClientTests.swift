import Foundation
import Testing
import UsherTestKit
import UsherTransport

/// Clients of others, in HTTP/2 and in TLS.
@Suite(.timeLimit(.minutes(1))) struct RealClientTests {
    @Test("curl gets and sends in every version of HTTP and TLS, also many at once", arguments: ["1.2", "1.3"])
    func curl(version: String) async throws {
        try await onStage { stage in
            let site = try await Site(stage)
            try String(repeating: "x", count: 3 << 20).write(toFile: site.upload, atomically: true, encoding: .utf8)
            for (option, told) in [("--http1.1", "1.1"), ("--http2", "2")] {
                func curl(_ arguments: [String]) async throws -> String {
                    let address = "a.test:443:127.0.0.1:\(site.gateway.port)"
                    let usual = [
                        "-sS", option, "--tls-max", version, "--cacert", site.authority, "--connect-to", address,
                    ]
                    let result = try await Tool.run("curl", usual + arguments)
                    #expect(result.code == 0, "\(result.output)")
                    return result.output
                }
                #expect(try await curl(["-w", " %{http_version}", "https://a.test/"]) == "0 \(told)")
                #expect(try await curl(["-T", site.upload, "https://a.test/up"]) == "\(3 << 20)")
                #expect(try await curl(["-d", "tea", "https://a.test/up"]) == "3")
                #expect(try await curl(["-I", "https://a.test/"]).hasPrefix("HTTP/\(told) 200"))
                let many = try await curl(["-Z", "--no-progress-meter"] + (0..<50).map { "https://a.test/\($0)" })
                #expect(many == String(repeating: "0", count: 50))
            }
        }
    }

    @Test("curl speaks HTTP/2 in the clear by prior knowledge; asked to upgrade it stays with HTTP/1.1")
    func clear() async throws {
        try await onStage { stage in
            let upstream = try await Site.upstream(stage)
            let gateway = try await stage.gateway(to: upstream)
            for (option, told) in [("--http2-prior-knowledge", "2"), ("--http2", "1.1")] {
                let result = try await Tool.run(
                    "curl", ["-sS", option, "-w", " %{http_version}", "-d", "tea", "http://127.0.0.1:\(gateway.port)/"])
                #expect(result.output == "3 \(told)")
            }
        }
    }

    @Test("h2load's requests are all answered, by many clients with many streams and with bodies")
    func h2load() async throws {
        try await onStage { stage in
            let site = try await Site(stage)
            try String(repeating: "x", count: 100_000).write(toFile: site.upload, atomically: true, encoding: .utf8)
            let url = "https://127.0.0.1:\(site.gateway.port)/"
            for (arguments, count) in [
                (["-n", "2000", "-c", "10", "-m", "20"], 2000),
                (["-n", "200", "-c", "4", "-m", "10", "-d", site.upload], 200),
                (["-n", "500", "-c", "10", "--h1"], 500),
                // Windows of the least size that the tool knows.
                (["-n", "50", "-c", "2", "-m", "5", "-w", "1", "-W", "1"], 50),
            ] {
                let result = try await Tool.run("h2load", arguments + [url])
                #expect(
                    result.code == 0 && result.output.contains(" \(count) succeeded, 0 failed, 0 errored, 0 timeout"))
                #expect(result.output.contains("status codes: \(count) 2xx, 0 3xx, 0 4xx, 0 5xx"), "\(result.output)")
            }
            let clear = try await stage.gateway(to: try await Site.upstream(stage))
            let result = try await Tool.run(
                "h2load", ["-n", "1000", "-c", "5", "-m", "20", "http://127.0.0.1:\(clear.port)/"])
            #expect(result.output.contains("1000 2xx"), "\(result.output)")
        }
    }

    @Test("nghttp's trailers reach the service, and the service's reach nghttp")
    func trailers() async throws {
        try await onStage { stage in
            let site = try await Site(stage)
            try "tea".write(toFile: site.upload, atomically: true, encoding: .utf8)
            let result = try await Tool.run(
                "nghttp",
                [
                    "-v", "-d", site.upload, "--trailer=x-checksum: 7",
                    "https://127.0.0.1:\(site.gateway.port)/trailers",
                ])
            #expect(result.output.contains("x-sum: 3"), "\(result.output)")
            #expect(site.upstream.received.joined().contains("\r\nx-checksum: 7\r\n"))
        }
    }

    @Test("Python's httpx and h2 work through it, a hundred requests at once and bodies of many windows")
    func python() async throws {
        try await onStage { stage in
            let site = try await Site(stage)
            let script = """
                import asyncio, httpx, ssl, sys
                port, authority = sys.argv[1:]
                async def main():
                    context = ssl.create_default_context(cafile=authority)
                    async with httpx.AsyncClient(http2=True, verify=context, timeout=20) as client:
                        url = f"https://127.0.0.1:{port}/up"
                        first = await client.post(url, content=b"tea")
                        assert (first.http_version, first.text) == ("HTTP/2", "3"), first
                        answers = await asyncio.gather(*[client.post(url, content=b"x" * n) for n in range(100)])
                        assert [int(a.text) for a in answers] == list(range(100))
                        # One after the other: of several at once httpcore may leave one waiting for room that it has.
                        for _ in range(5):
                            assert (await client.post(url, content=b"x" * 1000000)).text == "1000000"
                        assert len((await client.get(f"https://127.0.0.1:{port}/large")).content) == 2000000
                        assert (await client.get(url, headers={"cookie": "a=1; b=2"})).status_code == 200
                asyncio.run(main())
                print("done")
                """
            let result = try await Tool.run(
                "/usr/bin/python3", ["-c", script, "\(site.gateway.port)", site.authority])
            #expect(result.output == "done\n", "\(result.output)")
        }
    }
}

/// A gateway with TLS before a service that says how long the request's body was.
struct Site {
    let authority: String
    let gateway: RunningGateway
    let upstream: ScriptedUpstream
    /// Where a test may put what it sends.
    let upload: String

    init(_ stage: Stage) async throws {
        let folder = try CertificateFolder(stage)
        self.authority = folder.authorityFile
        self.upstream = try await Self.upstream(stage)
        self.upload = stage.folder + "/upload"
        self.gateway = try await stage.gateway(
            tlsListener(try folder.server("a.test", "127.0.0.1"))
                + "services: { web: { replicas: [\"\(self.upstream.address)\"] } }")
    }

    static func upstream(_ stage: Stage) async throws -> ScriptedUpstream {
        try await stage.upstream { peer in
            while let request = try await peer.receiveRequest() {
                let body = request.target == "/large" ? String(repeating: "x", count: 2_000_000) : "\(request.length)"
                switch request.target {
                case "/trailers":
                    try await peer.send(
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
                            + "2\r\nok\r\n0\r\nx-sum: \(body)\r\n\r\n")
                default:
                    try await peer.send(Text.answer(request.method == "HEAD" ? "" : body))
                }
            }
        }
    }
}

extension ReceivedMessage {
    /// Bytes of the body.
    fileprivate var length: Int { self.text.utf8.count }
}
