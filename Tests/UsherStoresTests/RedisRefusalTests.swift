import NIOCore
import Testing
import UsherCore
import UsherQuotas
import UsherTestKit

@testable import UsherStores

/// A server that answers with errors, or asks for more than an address.
@Suite("Redis refusals", .serialized, .timeLimit(.minutes(2)))
struct RedisRefusalTests {
    private let changes = Journal<RedisHealth.Change>()

    private func health() -> RedisHealth { RedisHealth { [changes] in changes.note($0) } }

    private func settings(_ server: RedisServer) -> RedisSettings {
        RedisSettings(address: .unix(path: server.socketPath), deadline: .seconds(10))
    }

    private func failure(_ result: QuotaResult) -> RedisFailure? {
        if case .failure(let failure) = result { failure } else { nil }
    }

    // MARK: Errors

    @Test("a server that is full fails calls for that reason, on a connection that goes on")
    func outOfMemory() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000/h")
        let health = self.health()
        try await RedisWorker.with(self.settings(server), health: health) { worker in
            try server.command("SET", "filler", String(repeating: "x", count: 2_000_000))
            try server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
            try server.command("CONFIG", "SET", "maxmemory", "1mb")
            for _ in 0..<3 {
                let failure = self.failure(await worker.take(limit))
                #expect(failure?.kind == .refused && failure?.code == "OOM")
            }
            #expect(health.reason?.hasPrefix("OOM") == true)
            try server.command("DEL", "filler")
            try server.command("CONFIG", "SET", "maxmemory", "0")
            #expect(try await worker.take(limit).get().isAllowed)
            #expect(health.isAvailable)
            let changes = try await self.changes.wait(for: 2)
            guard changes.count == 2, case .lost(let reason) = changes[0] else {
                Issue.record("\(changes)")
                return
            }
            #expect(reason.hasPrefix("OOM"))
            #expect(try server.statistic("total_connections_received") == 2)
        }
    }

    @Test("a replica refuses, and the connection is opened anew until there is a primary")
    func readOnly() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000/h")
        let refusing = try RefusingPort()
        guard case .ip(_, let port) = refusing.address else { return }
        try await RedisWorker.with(self.settings(server), health: self.health()) { worker in
            #expect(try await worker.take(limit).get().isAllowed)
            try server.command("REPLICAOF", "127.0.0.1", "\(port)")
            let failure = self.failure(await worker.take(limit))
            #expect(failure?.kind == .refused && failure?.code == "READONLY")
            let next = self.failure(await worker.take(limit))
            #expect(next?.code == "READONLY", "the connection is closed, for that reason")
            try server.command("REPLICAOF", "NO", "ONE")
            try await self.changes.wait(for: 2)
            #expect(try await worker.take(limit).get().isAllowed)
        }
        #expect(self.changes.entries.count == 2)
    }

    @Test("what somebody else keeps under a caller's key fails that caller only", arguments: ["list", "text", "empty"])
    func foreignValue(kind: String) async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000/h")
        let health = self.health()
        try await RedisWorker.with(self.settings(server), health: health) { worker in
            switch kind {
            case "list": try server.command("LPUSH", RedisWorker.key, "1")
            case "text": try server.command("SET", RedisWorker.key, "17 hello")
            default: try server.command("SET", RedisWorker.key, "")
            }
            let failure = self.failure(await worker.take(limit))
            #expect(failure?.kind == .refused && failure?.code == (kind == "list" ? "WRONGTYPE" : "ERR"))
            #expect(try await worker.take(limit, by: "other").get().isAllowed)
            #expect(health.isAvailable)
        }
        #expect(self.changes.entries.isEmpty)
    }

    @Test("numbers that nobody can have written lock nobody out")
    func absurdValue() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000/s 1", "1000000/s 1000")
        try await RedisWorker.with(self.settings(server)) { worker in
            let endless = String(repeating: "9", count: 400)
            for value in ["\(endless) 9 9", "0 \(endless) \(endless)", "1 1 1 1 1 1", "9 9 "] {
                try server.command("SET", RedisWorker.key, value)
                try await eventually("the allowance") { try await worker.take(limit).get().isAllowed }
            }
        }
    }

    @Test("a script that was lost is loaded again, and no call notices")
    func scriptFlush() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000000/h")
        try await RedisWorker.with(self.settings(server)) { worker in
            async let count = worker.hammer(limit, outstanding: 64, for: .milliseconds(500))
            let end = ContinuousClock.now + .milliseconds(400)
            while ContinuousClock.now < end { try server.command("SCRIPT", "FLUSH") }
            #expect(try await count.failures == [])
            #expect(try await count.allowed > 0)
            try server.command("SCRIPT", "FLUSH")
            let batch = try await worker.takeAtOnce(1000, limit)
            #expect(try await batch.all.get().allSatisfy { self.failure($0) == nil })
            let digest = try server.command("SCRIPT", "LOAD", RedisQuotaScript.text)
            #expect(try server.command("SCRIPT", "EXISTS", digest) == "1")
        }
    }

    // MARK: Credentials and places

    @Test("the right password lets in; the wrong one, and none, fail for that reason")
    func password() async throws {
        let server = try await RedisServer.start()
        try server.command("CONFIG", "SET", "requirepass", "correct horse")
        let limit = try QuotaLimit("1000/h")
        for (password, code) in [("correct horse", nil), ("battery staple", "WRONGPASS"), (nil, "NOAUTH")] {
            var settings = self.settings(server)
            settings.password = password
            try await RedisWorker.with(settings) { worker in
                let result = await worker.take(limit)
                #expect(self.failure(result)?.code.map(String.init) == code)
            }
        }
    }

    @Test("a user of an ACL needs the rights that the documentation names, and no others")
    func user() async throws {
        let server = try await RedisServer.start()
        try server.command(
            "ACL", "SETUSER", "usher", "on", ">secret", "~usher:quota:*", "-@all", "+hello", "+select", "+ping",
            "+script|load", "+eval", "+evalsha", "+time", "+get", "+set")
        let limit = try QuotaLimit("1000/h")
        var settings = self.settings(server)
        settings.username = "usher"
        settings.password = "secret"
        settings.database = 1
        let health = self.health()
        try await RedisWorker.with(settings, health: health) { worker in
            #expect(try await worker.take(limit).get().isAllowed)
            try server.command("SCRIPT", "FLUSH")
            #expect(try await worker.take(limit).get().isAllowed)
            try server.command("ACL", "SETUSER", "usher", "-set")
            #expect(self.failure(await worker.take(limit))?.kind == .refused)
            try server.command("ACL", "SETUSER", "usher", "-evalsha")
            #expect(self.failure(await worker.take(limit))?.code == "NOPERM")
            #expect(!health.isAvailable)
            try server.command("ACL", "SETUSER", "usher", "+evalsha", "+set")
            #expect(try await worker.take(limit).get().isAllowed)
        }
        settings.password = "wrong"
        try await RedisWorker.with(settings) { worker in
            #expect(self.failure(await worker.take(limit))?.code == "WRONGPASS")
        }
    }

    @Test("the database is the one that was chosen, or none")
    func database() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000/h")
        var settings = self.settings(server)
        settings.database = 3
        try await RedisWorker.with(settings) { worker in
            #expect(try await worker.take(limit).get().isAllowed)
            #expect(try server.command("EXISTS", RedisWorker.key) == "0")
            try server.command("SELECT", "3")
            #expect(try server.command("EXISTS", RedisWorker.key) == "1")
        }
        settings.database = 99
        try await RedisWorker.with(settings) { worker in
            #expect(self.failure(await worker.take(limit))?.reason == "ERR DB index is out of range")
        }
    }

    @Test("addresses, names and unix sockets lead to the same server")
    func places() async throws {
        let server = try await RedisServer.start(tcp: true)
        let limit = try QuotaLimit("3/h")
        let port = try #require(server.port)
        let addresses: [ReplicaAddress] = [
            .unix(path: server.socketPath), .ip(IPAddress(v4: 0x7F00_0001), port: port), .name("localhost", port: port),
        ]
        var taken = 0
        for address in addresses + addresses.prefix(1) {
            let settings = RedisSettings(address: address, deadline: .seconds(10))
            let (decision, clients) = try await RedisWorker.with(settings) { worker in
                (try await worker.take(limit).get(), try server.command("CLIENT", "LIST"))
            }
            #expect(clients.contains("name=usher"))
            taken += 1
            #expect(decision.isAllowed == (taken <= 3), "\(address)")
        }
    }

    // MARK: Time

    @Test("keys expire a second after they say nothing any more")
    func expiry() async throws {
        let server = try await RedisServer.start()
        try await RedisWorker.with(self.settings(server)) { worker in
            _ = await worker.take(try QuotaLimit("1/h", "100/s"), by: "long")
            _ = await worker.take(try QuotaLimit("1000/s 1"), by: "short")
            let long = try #require(try Int(server.command("PTTL", "usher:quota:{public}:0:long")))
            #expect((3_590_000...3_601_000).contains(long))
            let short = try #require(try Int(server.command("PTTL", "usher:quota:{public}:0:short")))
            #expect((1...1001).contains(short))
            try await eventually("a key's end") {
                try await Task.sleep(for: .milliseconds(20))
                return try server.command("DBSIZE") == "1"
            }
            #expect(try server.command("EXISTS", "usher:quota:{public}:0:long") == "1")
        }
    }

    @Test("when the server's clock goes back, nobody waits longer than the windows do")
    func clockGoesBack() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("10/s 1", "1000/h")
        try await RedisWorker.with(self.settings(server)) { worker in
            let time = try server.command("TIME").split(separator: "\n")
            let seconds = try #require(Int(time[0]))
            // An hour ahead, with one window used up and with more of the other than there is.
            try server.command("SET", RedisWorker.key, "\(seconds + 3600)000000 100000000 9000000000000000")
            let refusal = try await worker.take(limit).get()
            #expect(!refusal.isAllowed)
            #expect(refusal.debts[0] == 100_000_000 && refusal.debts[1] == limit.windows[1].span)
            let shorter = try QuotaLimit("10/s 1")
            try await eventually("the allowance") { try await worker.take(shorter).get().isAllowed }
        }
    }
}
