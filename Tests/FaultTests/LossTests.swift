import Foundation
import Testing

extension FaultTests {
    /// What a client loses when replicas die or freeze under load.
    @Suite struct LossTests {
        /// `USHER_FAULT_REQUESTS`, else enough for every phase to last seconds in a debug build.
        private static var requestCount: Int {
            ProcessInfo.processInfo.environment["USHER_FAULT_REQUESTS"].flatMap { Int($0) } ?? 200_000
        }

        @Test(
            "200,000 GETs under load lose nothing when one replica is killed and another is stopped",
            .timeLimit(.minutes(5)))
        func killAndStop() throws {
            let replicas = [try ReplicaProcess(), try ReplicaProcess(), try ReplicaProcess()]
            let readiness = ", readiness: { path: /ready, interval: 1s, timeout: 500ms, rise: 2, fall: 2 }"
            let configuration = Configuration.proxying(replicas.map(\.port), service: readiness)
            try UsherProcess.running(configuration + "\nlog: { access: access.log }") { usher in
                #expect(eventually { RawClient.status(usher.port, "/item/1") == 200 })
                let before = try usher.metric("usher_requests_total", "service=\"web\"")
                let count = Self.requestCount
                let report = try LoadReport(port: usher.port, requests: count, connections: 48) { finished in
                    switch finished {
                    case count / 4: replicas[0].process.signal(SIGKILL)
                    case count / 2: replicas[1].process.signal(SIGSTOP)
                    default: break
                    }
                }
                let retried = try usher.metric("usher_service_retries_total")
                print("\(report.text)\nretried: \(retried)")
                #expect(report.lost == 0, "\(report.text)")
                #expect(report.ok == count)
                #expect(retried > 0, "the faults were not noticed, so nothing was tested")
                let requests = try usher.metric("usher_requests_total", "service=\"web\"") - before
                #expect(requests == count, "each client request is counted once")
                let tries = try usher.metric("usher_endpoint_requests_total", "outcome=\"success\"")
                #expect(tries == count + before, "each request has exactly one try that succeeded")
                #expect(try usher.metric("usher_endpoint_requests_in_flight") == 0)
            }
        }

        @Test("a replica that is killed and comes back at once loses no GET, many times over", .timeLimit(.minutes(2)))
        func restarts() throws {
            let program = try Tools.replica.get()
            let configuration = """
                services:
                  web:
                    replicas: { run: [\(program), "{port}"], count: 3 }
                    readiness: { path: /ready, interval: 200ms, timeout: 500ms, rise: 1, fall: 2 }
                routes: [ { service: web } ]
                """
            try UsherProcess.running(configuration) { usher in
                #expect(eventually { (try? usher.metric("usher_endpoint_ready")) == 3 })
                var kills = 0
                let report = try LoadReport(port: usher.port, requests: 20_000, connections: 32) { finished in
                    guard finished % 4000 == 0, finished < 20_000 else { return }
                    let replicas = usher.mark.processes().filter { $0.value.hasPrefix(program) }.keys.sorted()
                    guard replicas.count > 1 else { return }
                    kill(replicas[kills % replicas.count], SIGKILL)
                    kills += 1
                }
                #expect(kills >= 3)
                #expect(report.lost == 0, "\(report.text), killed \(kills)")
            }
        }
    }
}

/// The load client's run and its account.
struct LoadReport {
    let text: String
    let ok: Int
    let lost: Int

    /// - Parameter progress: called with the number of requests that are over, at every twentieth part.
    init(port: UInt16, requests: Int, connections: Int, progress: (Int) -> Void = { _ in }) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw FaultTestError("no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let output = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        let client: ChildProcess
        do {
            defer { close(ends[1]) }
            let command = [try Tools.load.get(), "\(port)", "\(requests)", "\(connections)"]
            client = try ChildProcess(command, output: ends[1])
        }
        var text = ""
        var last = ""
        while case let piece = output.availableData, !piece.isEmpty {
            text += String(decoding: piece, as: UTF8.self)
            while let end = text.firstIndex(of: "\n") {
                last = String(text[..<end])
                text = String(text[text.index(after: end)...])
                if last.hasPrefix("progress "), let finished = Int(last.dropFirst(9)) { progress(finished) }
            }
        }
        _ = client.exit()
        let report = try JSONDecoder().decode(Numbers.self, from: Data(last.utf8))
        self.text = last
        self.ok = report.ok
        self.lost = report.lost
    }

    private struct Numbers: Decodable {
        var ok: Int
        var lost: Int
    }
}
