import NIOCore
import Synchronization
import Testing
import UsherCore
import UsherLoad
import UsherTestKit

@Suite("Open loop", .timeLimit(.minutes(2)))
struct OpenLoopTests {
    private static func pace(_ perSecond: Int, _ arrivals: OpenArrivals = .even) -> LoadPace {
        .open(Rate(count: perSecond, per: .seconds(1)), arrivals)
    }

    @Test("the rate is kept, neither more nor less", arguments: [1, 2])
    func rate(threads: Int) async throws {
        let (report, _) = try await LoadFixture.run(
            requests: nil, script: LoadFixture.answering(LoadFixture.answer)
        ) { plan in
            (plan.connections, plan.threads, plan.duration, plan.pace) = (4, threads, .seconds(1), Self.pace(400))
        }
        #expect(report.requests == 400 && report.answers == 400)
        #expect(report.askedRate == 400 && report.durationSeconds >= 1)
    }

    @Test("a number of requests ends an open loop, too")
    func requests() async throws {
        let (report, _) = try await LoadFixture.run(
            requests: 50, script: LoadFixture.answering(LoadFixture.answer)
        ) { $0.pace = Self.pace(1000, .poisson) }
        #expect(report.requests == 50)
    }

    /// A server that answers at once, except that its hundredth answer takes 300 ms.
    private static func stalling() -> ScriptedUpstream.Script {
        let served = Mutex(0)
        return { peer in
            while try await peer.receiveRequest() != nil {
                let number = served.withLock { count in
                    count += 1
                    return count
                }
                if number == 100 { try await Task.sleep(for: .milliseconds(300)) }
                try await peer.send(LoadFixture.answer)
            }
        }
    }

    @Test("one stall is felt by everybody who came meanwhile: nothing is omitted")
    func coordinatedOmission() async throws {
        let (open, _) = try await LoadFixture.run(requests: 500, script: Self.stalling()) { plan in
            plan.pace = Self.pace(500)
        }
        // In 300 ms there are 150 of 500 requests, the first of which waits longest.
        let p99 = try #require(open.p99)
        let p90 = try #require(open.p90)
        #expect(open.answers == 500)
        #expect(p99 > 200, "p99 \(p99) ms")
        #expect(p90 > 80, "p90 \(p90) ms")
        // The same stall in a closed loop is one slow request of 500, below every percentile up to p99.
        let (closed, _) = try await LoadFixture.run(requests: 500, script: Self.stalling())
        let maximum = try #require(closed.maximum)
        #expect(maximum >= 299)
        #expect(try #require(closed.p90) < p90)
    }

    @Test("requests that no connection has room for time out, and count in the percentiles")
    func timeouts() async throws {
        let (report, received) = try await LoadFixture.run(requests: nil) { peer in
            _ = try await peer.receiveRequest()
            // Never answers; ends when the client does.
            _ = try await peer.receiveUntilEnd()
        } _: { plan in
            (plan.duration, plan.timeout, plan.pace) = (.milliseconds(500), .milliseconds(200), Self.pace(100))
        }
        #expect(report.requests == 50 && report.answers == 0 && report.errors["timeout"] == 50)
        #expect(try #require(report.p50) >= 199)
        #expect(received.count >= 2, "after a time-out another connection is opened")
        #expect(report.silence?.hasPrefix("nobody answers at") == true)
    }

    @Test("a connection that was closed while idle costs no error")
    func idleClose() async throws {
        let (report, received) = try await LoadFixture.run(requests: 2) { peer in
            _ = try await peer.receiveRequest()
            try await peer.send(LoadFixture.answer)
        } _: {
            // The server closes at once; two seconds later that has arrived.
            $0.pace = .open(Rate(count: 30, per: .seconds(60)), .even)
        }
        #expect(report.answers == 2 && report.errors.values.allSatisfy { $0 == 0 })
        #expect(received.count == 2)
    }
}
