import NIOCore
import NIOPosix
import Testing
import UsherCore
import UsherQuotas
import UsherTestKit

@testable import UsherStores

/// A server that dies, stops or is not there.
@Suite("Redis outages", .serialized, .timeLimit(.minutes(2)))
struct RedisOutageTests {
    private let changes = Journal<RedisHealth.Change>()

    private func health() -> RedisHealth { RedisHealth { [changes] in changes.note($0) } }

    private func settings(_ server: RedisServer, deadline: Duration = .seconds(10)) -> RedisSettings {
        RedisSettings(address: .unix(path: server.socketPath), deadline: deadline)
    }

    private func failure(_ result: QuotaResult?) -> RedisFailure? {
        if case .failure(let failure)? = result { failure } else { nil }
    }

    @Test("a killed server fails what waits and what follows, and is used again when it is back")
    func killed() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000/h")
        try await RedisWorker.with(self.settings(server), health: self.health()) { worker in
            #expect(try await worker.take(limit).get().isAllowed)
            server.pause()
            let waiting = try await worker.takeAtOnce(100, limit)
            #expect(waiting.atOnce.isEmpty)
            server.kill()
            let start = ContinuousClock.now
            let results = try await waiting.all.get()
            #expect(ContinuousClock.now - start < .seconds(1))
            #expect(results.allSatisfy { self.failure($0)?.kind == .disconnected })
            let next = try await worker.takeAtOnce(100, limit)
            #expect(next.atOnce.count == 100 && next.atOnce.allSatisfy { self.failure($0)?.kind == .disconnected })

            try await server.restart()
            let changes = try await self.changes.wait(for: 2)
            guard case .lost = changes[0], case .recovered = changes[1], changes.count == 2 else {
                Issue.record("\(changes)")
                return
            }
            #expect(try await worker.take(limit).get().isAllowed)
        }
    }

    @Test("a server that is not there is found once it is")
    func notThere() async throws {
        let server = try await RedisServer.start()
        server.kill()
        let health = self.health()
        let limit = try QuotaLimit("1000/h")
        try await RedisWorker.with(self.settings(server), health: health) { worker in
            #expect(self.failure(await worker.take(limit))?.kind == .disconnected)
            #expect(health.reason == "No such file or directory" || health.reason == "Connection refused")
            try await server.restart()
            try await self.changes.wait(for: 2)
            #expect(health.isAvailable && health.reason == nil)
            #expect(try await worker.take(limit).get().isAllowed)
        }
    }

    @Test("a silent server costs one deadline, then nothing, until it speaks again")
    func silent() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000/h")
        let health = self.health()
        try await RedisWorker.with(self.settings(server, deadline: .milliseconds(5)), health: health) { worker in
            var quickest = Duration.seconds(60)
            // Other tests may have the machine; the quickest of some says what we do ourselves.
            for _ in 0..<5 where quickest > .milliseconds(50) {
                server.pause()
                try await eventually("a failure") {
                    // Some may still be answered before the signal is there.
                    let (result, duration) = await worker.timedTake(limit)
                    guard let failure = self.failure(result) else { return false }
                    #expect(failure.kind == .silent && duration >= .milliseconds(5))
                    quickest = min(quickest, duration)
                    return true
                }
                let next = try await worker.takeAtOnce(1000, limit)
                #expect(next.atOnce.count == 1000 && next.atOnce.allSatisfy { self.failure($0)?.kind == .silent })
                server.resume()
                let count = self.changes.entries.count
                try await self.changes.wait(for: count + 1)
            }
            #expect(quickest < .milliseconds(50))
            #expect(health.isAvailable)
            #expect(try server.statistic("total_connections_received") == 2, "the same connection goes on")
            // The deadline is short for a busy machine.
            try await eventually("a success") { self.failure(await worker.take(limit)) == nil }
        }
    }

    @Test("a server that is silent for long gets a new connection")
    func silentForLong() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000/h")
        let health = self.health()
        try await RedisWorker.with(self.settings(server, deadline: .milliseconds(50)), health: health) { worker in
            server.pause()
            try await eventually("silence") { self.failure(await worker.take(limit)) != nil }
            try await eventually("the end of the connection") { health.reason != "no answer within its deadline" }
            #expect(health.reason == "no answer for 1s")
            server.resume()
            try await self.changes.wait(for: 2)
            #expect(try await worker.take(limit).get().isAllowed)
        }
        #expect(self.changes.entries.count == 2)
    }

    @Test("four workers have one outage between them")
    func fourWorkers() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000/h")
        let health = self.health()
        try await RedisWorker.with(count: 4, self.settings(server), health: health) { workers in
            #expect(health.isAvailable)
            for round in 1...2 {
                server.kill()
                try await self.changes.wait(for: 2 * round - 1)
                for worker in workers { #expect(self.failure(await worker.take(limit)) != nil) }
                try await server.restart()
                let changes = try await self.changes.wait(for: 2 * round)
                #expect(changes.count == 2 * round)
                for worker in workers { #expect(try await worker.take(limit).get().isAllowed) }
            }
        }
        #expect(self.changes.entries.count == 4)
    }

    @Test("kills and pauses under load lose no call, and none is told twice")
    func underLoad() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("1000000/s")
        let health = self.health()
        let asked = try await RedisWorker.with(
            count: 2, self.settings(server, deadline: .milliseconds(200)), health: health
        ) { workers in
            let isOver = Signal()
            async let asked = withThrowingTaskGroup(of: Int.self) { group in
                for worker in workers {
                    group.addTask {
                        var count = 0
                        while !isOver.hasFired {
                            // A promise that is kept twice ends the process, one that is never kept this test.
                            count += try await worker.takeAtOnce(100, limit).all.get().count
                        }
                        return count
                    }
                }
                return try await group.reduce(0, +)
            }
            for _ in 0..<3 {
                try await eventually("use") { health.isAvailable }
                server.pause()
                try await eventually("silence") { !health.isAvailable }
                server.resume()
                try await eventually("use") { health.isAvailable }
                server.kill()
                try await eventually("loss") { !health.isAvailable }
                try await server.restart()
            }
            isOver.fire()
            return try await asked
        }
        #expect(asked > 0)
    }

    @Test("only so many calls wait")
    func bound() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("10000/h")
        try await RedisWorker.with(self.settings(server)) { worker in
            server.pause()
            let batch = try await worker.takeAtOnce(5000, limit)
            #expect(batch.atOnce.count == 5000 - 4096)
            #expect(batch.atOnce.allSatisfy { self.failure($0)?.kind == .overloaded })
            server.resume()
            let results = try await batch.all.get()
            #expect(results.filter { (try? $0.get().isAllowed) == true }.count == 4096)
        }
    }

    @Test("a closed store fails what waits and what follows")
    func closed() async throws {
        let server = try await RedisServer.start()
        let limit = try QuotaLimit("10000/h")
        let health = self.health()
        try await RedisWorker.with(self.settings(server), health: health) { worker in
            server.pause()
            let batch = try await worker.takeAtOnce(10, limit)
            try await worker.closeStore()
            #expect(try await batch.all.get().allSatisfy { self.failure($0)?.kind == .closed })
            #expect(self.failure(await worker.take(limit))?.kind == .closed)
        }
        #expect(self.changes.entries.isEmpty)
    }

    @Test("a store that is closed while it connects lets go of the connection")
    func closedEarly() async throws {
        let server = try await RedisServer.start()
        let settings = self.settings(server)
        let health = self.health()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        try await loop.flatSubmit {
            let store = RedisQuotaStore(settings, on: loop, health: health)
            let isStarted = store.start()
            store.close()
            return isStarted
        }.get()
        try await eventually("no client but this test") { try server.statistic("connected_clients") == 1 }
        #expect(self.changes.entries.isEmpty)
    }
}
