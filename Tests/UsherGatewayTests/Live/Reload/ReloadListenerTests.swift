import Testing
import UsherCore
import UsherTestKit

@Suite("Listeners that come and go", .timeLimit(.minutes(1)))
struct ReloadListenerTests {
    private static let routes = "routes: [{ respond: { status: 200, body: ok } }]"

    private static func listeners(_ paths: String...) -> String {
        let sockets = paths.map { ", { address: \"unix:\($0)\" }" }.joined()
        return "listeners: [{ address: 127.0.0.1:0 }\(sockets)]\n" + Self.routes
    }

    @Test("a new listener serves after the reload, and one that is gone refuses; its open connection finishes first")
    func comeAndGo() async throws {
        try await onStage { stage in
            let path = stage.folder + "/more.sock"
            let replica = Replica("web")
            let upstream = try await stage.upstream(replica)
            func yaml(_ more: String) -> String {
                "listeners: [{ address: 127.0.0.1:0 }\(more)]\nservices: { web: { replicas: \(list(upstream)) } }"
            }
            let gateway = try await stage.gateway(yaml(""))
            let opened = try await gateway.reload(yaml(", { address: \"unix:\(path)\" }"))
            #expect(opened.paths == ["listeners[unix:\(path)]"])
            let client = try await RawClient.connect(to: .unix(path: path))
            let idle = try await RawClient.connect(to: .unix(path: path))
            #expect(try await idle.ask().text == "web")
            try await client.send(Text.get("/held"))
            try await replica.holds.wait(for: 1)
            #expect(try await gateway.reload(yaml("")).outcome == "applied")
            await #expect(throws: (any Error).self) { _ = try await RawClient.connect(to: .unix(path: path)) }
            #expect(try await idle.waitForEnd() == .closed)
            replica.letGo()
            let answer = try await client.receiveAnswer()
            #expect(answer.text == "web")
            #expect(answer.value("connection")?.lowercased() == "close")
            #expect(try await client.waitForEnd() == .closed)
            #expect(try await gateway.ask(Text.get()).text == "web")
        }
    }

    @Test("the port of a listener that stays never refuses a connection, and open connections stay open")
    func stays() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(Self.listeners())
            let open = try await stage.client(gateway)
            #expect(try await open.ask().text == "ok")
            let isOver = Signal()
            let clients = Task {
                var count = 0
                while !isOver.hasFired {
                    guard try await gateway.ask(Text.get()).text == "ok" else { return 0 }
                    count += 1
                }
                return count
            }
            for number in 1...20 {
                let path = stage.folder + "/\(number % 2).sock"
                #expect(try await gateway.reload(Self.listeners(path)).outcome == "applied")
            }
            isOver.fire()
            #expect(try await clients.value > 0)
            #expect(try await open.ask().text == "ok")
        }
    }

    @Test("peers that are trusted from now on are trusted on the next connection")
    func trust() async throws {
        try await onStage { stage in
            let upstream = try await stage.upstream(Replica("web"))
            let service = "services: { web: { replicas: \(list(upstream)) } }"
            let gateway = try await stage.gateway("listeners: [{ address: 127.0.0.1:0 }]\n" + service)
            let request = Text.get("/", "X-Forwarded-For: 192.0.2.7\r\n")
            _ = try await gateway.ask(request)
            let reloaded = try await gateway.reload(
                "listeners: [{ address: 127.0.0.1:0, trusted-proxies: [127.0.0.0/8] }]\n" + service)
            #expect(reloaded.paths == ["listeners[127.0.0.1:0].trusted-proxies"])
            _ = try await gateway.ask(request)
            let seen = upstream.received.joined().components(of: "X-Forwarded-For: ")
            #expect(seen == ["127.0.0.1", "192.0.2.7, 127.0.0.1"])
        }
    }
}

extension String {
    /// What follows each `start`, up to the end of its line.
    func components(of start: String) -> [String] {
        self.split(separator: "\r\n").filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
    }
}
