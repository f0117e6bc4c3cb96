import Testing
import UsherTestKit

/// A process that uses more memory than it may: a test's own always does when it may use almost none.
@Suite("Short of memory", .timeLimit(.minutes(2)))
struct MemoryPressureTests {
    private static func yaml(_ upstream: ScriptedUpstream, memory: Bool) -> String {
        """
        \(memory ? "limits: { memory: 16MiB }" : "")
        identities: { keys: { file: keys.yaml } }
        services: { web: { replicas: \(list(upstream)) } }
        """
    }

    /// Looks until a request on a connection that is there is answered with this status.
    private static func wait(_ client: RawConnection, _ fields: String = "", until status: Int) async throws {
        let end = ContinuousClock.now + RawConnection.limit
        var last = 0
        while ContinuousClock.now < end {
            last = try await client.ask(Text.get("/", fields)).status
            if last == status { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw TestKitError.timedOut("status \(status), is \(last)")
    }

    @Test("new connections and anonymous callers are refused, known callers on open connections served, then all again")
    func shedding() async throws {
        try await onStage { stage in
            let key = CallerKey("acme")
            try stage.write("keys.yaml", [key])
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(Self.yaml(upstream, memory: false))
            let known = try await stage.client(gateway)
            let anonymous = try await stage.client(gateway)
            var streams = try await HTTP2Talk(stage.client(gateway))
            for client in [known, anonymous] { #expect(try await client.ask().status == 200) }
            #expect(try await streams.ask().status == 200)

            #expect(try await gateway.reload(Self.yaml(upstream, memory: true)).outcome == "applied")
            try await Self.wait(anonymous, until: 503)
            for _ in 1...3 {
                let refused = try await anonymous.ask()
                #expect(refused.status == 503 && refused.value("Retry-After") == "1")
                #expect(refused.text == "too busy for callers that are not known\n")
                #expect(try await known.ask(Text.get("/", key.field)).status == 200)
                #expect(try await streams.ask().status == 503)
                #expect(try await streams.ask("/", [("x-api-key", key.text)]).status == 200)
                // Who shows something wrong is told so, and not that we are busy.
                #expect(try await anonymous.ask(Text.get("/", "X-API-Key: wrong\r\n")).status == 401)
                let late = try await stage.client(gateway)
                try await late.waitForEnd()
                #expect(late.received.isEmpty)
            }
            #expect(try await gateway.metric("usher_client_connections_refused_total{reason=\"overloaded\"}") == 3)
            #expect((try await gateway.metric("usher_shed_requests_total") ?? 0) >= 7)
            // Whoever runs it still gets in by the other door.
            #expect(try await gateway.admin("/livez").status == 200)

            #expect(try await gateway.reload(Self.yaml(upstream, memory: false)).outcome == "applied")
            try await Self.wait(anonymous, until: 200)
            #expect(try await streams.ask().status == 200)
            #expect(try await gateway.status() == 200)
        }
    }

    @Test("an Usher that starts short of memory serves again as soon as it may use more")
    func fromTheStart() async throws {
        try await onStage { stage in
            try stage.write("keys.yaml", "")
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(Self.yaml(upstream, memory: true))
            try await gateway.wait(for: "usher_client_connections_refused_total{reason=\"overloaded\"}", atLeast: 1) {
                _ = try? await gateway.status()
            }
            #expect(try await gateway.reload(Self.yaml(upstream, memory: false)).outcome == "applied")
            let end = ContinuousClock.now + RawConnection.limit
            while (try? await gateway.status()) != 200, ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try await gateway.status() == 200)
        }
    }
}

extension RunningGateway {
    /// Does something again and again until a metric shows it.
    fileprivate func wait(for name: String, atLeast value: Double, doing something: () async -> Void) async throws {
        let end = ContinuousClock.now + RawConnection.limit
        while ContinuousClock.now < end {
            await something()
            if try await self.metric(name) ?? 0 >= value { return }
        }
        throw TestKitError.timedOut("\(name) >= \(value)")
    }
}
