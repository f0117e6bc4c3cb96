import Foundation
import Testing
import UsherTestKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite("Reloading services whose replicas Usher runs", .timeLimit(.minutes(2)))
struct SupervisedReloadTests {
    /// The `usher` that was built beside the test bundle: it guards processes.
    private static let usher: String = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return (bundle as NSString).deletingLastPathComponent + "/usher"
    }()

    /// Answers every request with its first argument, after it has slept for the target's number of milliseconds.
    private static let program = """
        import http.server, sys, time
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                if self.path[1:].isdigit(): time.sleep(int(self.path[1:]) / 1000)
                body = sys.argv[1].encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *arguments): pass
        http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
        """

    private static func yaml(_ file: String, _ word: String, count: Int = 2) -> String {
        "services: { web: { replicas: { run: [python3, \"\(file)\", \(word), \"{port}\"], count: \(count) } } }"
    }

    private static func isRunning(_ pid: Int) -> Bool { kill(Int32(pid), 0) == 0 }

    @Test("replicas whose command changed are replaced without a failed request, and the old processes end")
    func command() async throws {
        try await onStage { stage in
            let file = stage.folder + "/server.py"
            try Self.program.write(toFile: file, atomically: true, encoding: .utf8)
            let gateway = try await stage.gateway(Self.yaml(file, "old"), guardExecutable: Self.usher)
            while try await gateway.endpoints().contains(where: { $0.state != "ready" }) {
                try await Task.sleep(for: .milliseconds(20))
            }
            let old = try await gateway.endpoints().compactMap(\.pid)
            #expect(old.count == 2)
            let slow = try await stage.client(gateway)
            try await slow.send(Text.get("/3000"))
            try await gateway.waitForRequestInFlight()
            let isOver = Signal()
            let clients = (0..<4).map { _ in
                Task {
                    let client = try await RawClient.connect(port: gateway.port)
                    var answers: [String] = []
                    while !isOver.hasFired {
                        let answer = try await client.ask()
                        answers.append(answer.status == 200 ? answer.text : "\(answer.status)")
                    }
                    await client.close()
                    return answers
                }
            }
            let reloaded = try await gateway.reload(Self.yaml(file, "new"))
            #expect(reloaded.outcome == "applied")
            #expect(try await gateway.ask(Text.get()).text == "new")
            isOver.fire()
            for client in clients {
                let answers = try await client.value
                #expect(Set(answers).isSubset(of: ["old", "new"]))
                // Never back.
                #expect(answers.drop { $0 == "old" }.allSatisfy { $0 == "new" })
            }
            #expect(try await slow.receiveAnswer().text == "old")
            let new = try await gateway.endpoints().compactMap(\.pid)
            #expect(new.count == 2 && Set(new).isDisjoint(with: old))
            while old.contains(where: Self.isRunning) { try await Task.sleep(for: .milliseconds(20)) }
            #expect(new.allSatisfy(Self.isRunning))
        }
    }

    @Test("more processes are started beside those that run, and fewer end the last ones")
    func count() async throws {
        try await onStage { stage in
            let file = stage.folder + "/server.py"
            try Self.program.write(toFile: file, atomically: true, encoding: .utf8)
            let gateway = try await stage.gateway(Self.yaml(file, "a", count: 1), guardExecutable: Self.usher)
            let first = try await gateway.endpoints().compactMap(\.pid)
            try await gateway.reload(Self.yaml(file, "a", count: 2))
            let both = try await gateway.endpoints().compactMap(\.pid)
            #expect(both.count == 2 && both.first == first.first)
            for _ in 1...6 { #expect(try await gateway.ask(Text.get()).text == "a") }
            try await gateway.reload(Self.yaml(file, "a", count: 1))
            #expect(try await gateway.endpoints().compactMap(\.pid) == first)
            while Self.isRunning(both[1]) { try await Task.sleep(for: .milliseconds(20)) }
            #expect(try await gateway.ask(Text.get()).text == "a")
        }
    }
}

extension RunningGateway {
    /// Waits until some replica works on a request.
    fileprivate func waitForRequestInFlight() async throws {
        let end = ContinuousClock.now + RawConnection.limit
        while ContinuousClock.now < end {
            let lines = try await self.admin("/metrics").text.split(separator: "\n")
            if lines.contains(where: { $0.hasPrefix("usher_endpoint_requests_in_flight") && !$0.hasSuffix(" 0") }) {
                return
            }
        }
        throw TestKitError.timedOut("a request in flight")
    }
}
