internal import NIOCore
internal import UsherCore

/// Opening a connection, and the next one after a while when there is none.
extension RedisClient {
    func connect() {
        self.phase = .connecting
        RedisConnecting.start(to: self.settings.address, on: self.eventLoop).assumeIsolated().whenComplete { result in
            switch (self.phase, result) {
            case (.connecting, .success(let channel)):
                self.begin(on: channel)
            case (.connecting, .failure(let error)):
                self.retry(RedisFailure(.disconnected, RedisConnecting.describe(error)), afterConnectionOf: .zero)
            case (_, .success(let channel)):
                channel.close(promise: nil)
            case (_, .failure):
                break
            }
        }
    }

    private func begin(on channel: any Channel) {
        let connection = RedisConnection(self.settings, script: self.script, client: self)
        self.phase = .open(connection)
        do {
            try channel.pipeline.syncOperations.addHandler(connection)
            connection.greet()
        } catch {
            connection.end(RedisFailure(.disconnected, RedisConnecting.describe(error)))
        }
    }

    func retry(_ failure: RedisFailure, afterConnectionOf lifetime: Duration) {
        self.phase = .waiting
        self.report(failure)
        self.firstOutcomeIsThere()
        let delay = TimeAmount(self.backoff.delay(afterConnectionOf: lifetime, random: &self.random))
        self.retryTimer = self.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.connect() }
    }

    func firstOutcomeIsThere() {
        let promise = self.firstOutcome
        self.firstOutcome = nil
        promise?.succeed()
    }
}
