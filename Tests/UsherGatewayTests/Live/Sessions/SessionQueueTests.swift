import Testing
import UsherTestKit

/// With sessions each request waits for one replica, so the order of the queue counts for each replica by itself.
@Suite("The queue of a service with sessions", .timeLimit(.minutes(1)))
struct SessionQueueTests {
    private static let waiting = "usher_service_queue_length{service=\"web\"}"

    private static func get(_ target: String, _ user: Int) -> String {
        Text.get(target, "X-User: \(user)\r\n")
    }

    /// Two replicas with one connection each, both busy, and for each the number of a user who belongs to it.
    private static func play(
        _ body: (Stage, RunningGateway, _ replicas: [Replica], _ users: [Int], _ busy: [RawConnection]) async throws
            -> Void
    ) async throws {
        try await onStage { stage in
            let replicas = [Replica("0"), Replica("1")]
            let (first, second) = (try await stage.upstream(replicas[0]), try await stage.upstream(replicas[1]))
            let gateway = try await stage.gateway(
                to: first, second,
                keys: "session: { hash: [\"{header.x-user}\"] }, connections: { per-replica: 1, queue: 20 }")
            var users: [Int] = []
            var busy: [RawConnection] = []
            for replica in replicas {
                let client = try await stage.client(gateway)
                var user = 0
                while try await client.ask(self.get("/", user)).text != replica.name { user += 1 }
                users.append(user)
                busy.append(client)
            }
            for (client, user) in zip(busy, users) { try await client.send(self.get("/held", user)) }
            for replica in replicas { try await replica.holds.wait(for: 1) }
            try await body(stage, gateway, replicas, users, busy)
        }
    }

    @Test("a request whose replica is free is not held up by one before it whose replica is busy")
    func notHeldUp() async throws {
        try await Self.play { stage, gateway, replicas, users, busy in
            var queued: [RawConnection] = []
            for user in users {
                let client = try await stage.client(gateway)
                try await client.send(Self.get("/queued", user))
                queued.append(client)
                try await gateway.wait(for: Self.waiting, toBe: Double(queued.count))
            }
            replicas[1].letGo()
            #expect(try await busy[1].receiveAnswer().text == "1")
            #expect(try await queued[1].receiveAnswer().text == "1")
            #expect(try await gateway.metric(Self.waiting) == 1)
            replicas[0].letGo()
            #expect(try await busy[0].receiveAnswer().text == "0")
            #expect(try await queued[0].receiveAnswer().text == "0")
            #expect(try await gateway.metric(Self.waiting) == 0)
        }
    }

    @Test("those that wait for one replica are served in the order in which they came")
    func order() async throws {
        try await Self.play { stage, gateway, replicas, users, busy in
            var queued: [RawConnection] = []
            for number in 0..<8 {
                let client = try await stage.client(gateway)
                try await client.send(Self.get("/\(number)", users[number % 2]))
                queued.append(client)
                try await gateway.wait(for: Self.waiting, toBe: Double(queued.count))
            }
            for index in [1, 0] {
                replicas[index].letGo()
                #expect(try await busy[index].receiveAnswer().text == "\(index)")
                for number in stride(from: index, to: 8, by: 2) {
                    #expect(try await queued[number].receiveAnswer().text == "\(index)")
                }
                #expect(replicas[index].targets.suffix(4) == stride(from: index, to: 8, by: 2).map { "/\($0)" })
            }
        }
    }
}
