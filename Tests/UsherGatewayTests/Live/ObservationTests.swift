import Foundation
import NIOCore
import Testing
import UsherTestKit

@Suite("What Usher tells of its work", .timeLimit(.minutes(1)))
struct ObservationTests {
    @Test("the numbers on /metrics are those of the requests that were sent")
    func metrics() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    try await peer.send(
                        Text.answer(request.text, status: request.target == "/bad" ? "500 Bad" : "200 OK"))
                }
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            var sent = 0
            var received = 0
            for number in 0..<20 {
                let request = Text.post(
                    number % 5 == 0 ? "/bad" : "/good", body: String(repeating: "b", count: number * 10))
                sent += request.utf8.count
                try await client.send(request)
                let answer = try await client.receiveAnswer()
                received += answer.head.utf8.count + answer.body.readableBytes
            }
            let labels = "service=\"web\",route=\"*\""
            let replica = "service=\"web\",endpoint=\"\(upstream.address)\""
            #expect(try await gateway.metric("usher_requests_total{\(labels),code=\"2xx\"}") == 16)
            #expect(try await gateway.metric("usher_requests_total{\(labels),code=\"5xx\"}") == 4)
            #expect(try await gateway.metric("usher_request_duration_seconds_count{\(labels)}") == 20)
            #expect(try await gateway.metric("usher_received_bytes_total{\(labels)}") == Double(sent))
            #expect(try await gateway.metric("usher_sent_bytes_total{\(labels)}") == Double(received))
            #expect(try await gateway.metric("usher_endpoint_requests_total{\(replica),outcome=\"success\"}") == 16)
            #expect(try await gateway.metric("usher_endpoint_requests_total{\(replica),outcome=\"status-5xx\"}") == 4)
            #expect(try await gateway.metric("usher_endpoint_requests_in_flight{\(replica)}") == 0)
            let opened = try await gateway.metric("usher_endpoint_connections_opened_total{\(replica)}")
            #expect(opened == 1)
            let open = try await gateway.metric("usher_endpoint_connections{\(replica)}")
            #expect(open == 1)
            #expect(try await gateway.metric("usher_client_connections_accepted_total") == 1)
            #expect(try await gateway.metric("usher_client_connections") == 1)
            #expect(
                try await gateway.metric("usher_endpoint_sent_bytes_total{\(replica)}")
                    == Double(upstream.received.joined().utf8.count))
        }
    }

    @Test("a replica connection that closes is no longer counted as open")
    func connectionGauge() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveRequest()
                try await peer.send(Text.ok)
            }
            let gateway = try await stage.gateway(to: upstream)
            for _ in 1...3 { _ = try await gateway.ask(Text.get()) }
            let replica = "service=\"web\",endpoint=\"\(upstream.address)\""
            try await gateway.wait(for: "usher_endpoint_connections{\(replica)}", toBe: 0)
            #expect(try await gateway.metric("usher_endpoint_connections_opened_total{\(replica)}") == 3)
        }
    }

    @Test("tries are counted by outcome, retries by service")
    func tries() async throws {
        try await onStage { stage in
            let bad = try await stage.upstream(answering: Text.answer("bad", status: "503 Bad"))
            let good = try await stage.upstream()
            let gateway = try await stage.gateway(to: bad, good, keys: "balance: round-robin")
            for _ in 1...4 { _ = try await gateway.ask(Text.get()) }
            let failed = try await gateway.metric(
                "usher_endpoint_requests_total{service=\"web\",endpoint=\"\(bad.address)\",outcome=\"status-5xx\"}")
            let retries = try await gateway.metric("usher_service_retries_total{service=\"web\"}")
            #expect(failed == retries)
            #expect((failed ?? 0) >= 1)
            #expect(try await gateway.metric("usher_requests_total{service=\"web\",route=\"*\",code=\"2xx\"}") == 4)
        }
    }

    @Test("the API shows services, their replicas and the configuration, and agrees with the metrics")
    func api() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream()
            let gateway = try await stage.gateway(to: upstream)
            for _ in 1...3 { _ = try await gateway.ask(Text.get()) }
            let services = try await gateway.admin("/api/v1/services")
            #expect(services.status == 200)
            #expect(services.text.contains("\(upstream.address)"))
            let object = try JSONSerialization.jsonObject(with: Data(services.text.utf8))
            #expect(object is [String: Any] || object is [Any])
            let configuration = try await gateway.admin("/api/v1/config")
            #expect(configuration.status == 200)
            let settings = try JSONSerialization.jsonObject(with: Data(configuration.text.utf8)) as? [String: Any]
            #expect((settings?["services"] as? [String: Any])?["web"] != nil)
        }
    }

    @Test("every request has one line in the access log, refused and aborted ones too, with the fields of the contract")
    func accessLog() async throws {
        try await onStage { stage in
            let atWork = Signal()
            let upstream = try await stage.upstream { peer in
                while let request = try await peer.receiveRequest() {
                    if request.target == "/stuck" {
                        atWork.fire()
                        try await peer.waitForEnd()
                    }
                    try await peer.send(Text.ok)
                }
            }
            let gateway = try await stage.gateway(
                """
                services: { web: { replicas: ["\(upstream.address)"] } }
                routes:
                  - { match: { path: /local }, respond: { status: 200, body: x } }
                  - { match: { path: /app/* }, service: web }
                  - { match: { path: /stuck }, service: web }
                """)
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            _ = try await gateway.ask(
                Text.get("/app/x?q=1", "User-Agent: \"quo\\ted\"\r\nReferer: r\r\ntraceparent: \(parent)\r\n"))
            _ = try await gateway.ask(Text.get("/local"))
            _ = try await gateway.ask(Text.get("/nowhere"))
            _ = try await gateway.ask("BROKEN\r\n\r\n")
            let client = try await stage.client(gateway)
            try await client.send(Text.get("/stuck"))
            try await atWork.wait()
            await client.close()
            try await gateway.wait(for: "usher_client_connections", toBe: 0)
            try await gateway.stop()
            let lines = try gateway.accessLog()
            #expect(lines.map { $0["status"] as? Int } == [200, 200, 404, 400, 0])
            let first = try #require(lines.first)
            #expect(first["client"] as? String == "127.0.0.1")
            #expect(first["method"] as? String == "GET")
            #expect(first["host"] as? String == "a.example")
            #expect(first["path"] as? String == "/app/x")
            #expect(first["query"] as? String == "q=1")
            #expect(first["route"] as? String == "/app/*")
            #expect(first["service"] as? String == "web")
            #expect(first["replica"] as? String == "\(upstream.address)")
            #expect(first["attempts"] as? Int == 1)
            #expect((first["trace"] as? String)?.contains("0af7651916cd43dd8448eb211c80319c") == true)
            #expect(first["user-agent"] as? String == "\"quo\\ted\"")
            #expect(first["referer"] as? String == "r")
            #expect((first["bytes-out"] as? Int ?? 0) > 0)
            #expect((lines[2]["why"] as? String)?.contains("no route") == true)
            #expect((lines[4]["why"] as? String)?.contains("client closed") == true)
        }
    }
}
