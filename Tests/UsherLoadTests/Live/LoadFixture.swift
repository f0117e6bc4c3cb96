import NIOCore
import UsherCore
import UsherLoad
import UsherTestKit

/// What live tests of load have in common.
enum LoadFixture {
    static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// A plan for a server on this machine: one connection, ended by a number of requests.
    static func plan(
        _ port: Int, requests: Int?, target: String = "/", method: String = "GET", scheme: String = "http",
        _ change: (inout LoadPlan) -> Void = { _ in }
    ) throws -> LoadPlan {
        let server = try LoadURL(text: "\(scheme)://127.0.0.1:\(port)/").server
        var plan = LoadPlan(server: server, targets: TargetList([LoadTarget(method: method, target: target)]))
        plan.connections = 1
        plan.requests = requests
        plan.duration = nil
        plan.timeout = .seconds(20)
        change(&plan)
        return plan
    }

    /// Runs a plan against a server that does what the script says.
    static func run(
        requests: Int?, target: String = "/", method: String = "GET",
        script: @escaping ScriptedUpstream.Script, _ change: (inout LoadPlan) -> Void = { _ in }
    ) async throws -> (report: LoadReport, received: [String]) {
        let upstream = try await ScriptedUpstream.start(script: script)
        let plan = try plan(upstream.port, requests: requests, target: target, method: method, change)
        let report = try await LoadRun(plan).run()
        await upstream.stop()
        return (report, upstream.received)
    }

    /// Answers every request of every connection with the same bytes.
    static func answering(_ answer: String) -> ScriptedUpstream.Script {
        { peer in while try await peer.receiveRequest() != nil { try await peer.send(answer) } }
    }
}
