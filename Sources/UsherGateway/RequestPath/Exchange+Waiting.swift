import UsherCore
import UsherReplication
import UsherTelemetry
import UsherTransport

/// Being parked: for a connection to be opened, or in the service's queue for one to become free.
extension Exchange {
    /// A connection has to be opened first.
    func connect(_ id: ConnectionID, to endpoint: WorkerEndpoint, now: MonotonicTime) {
        let ticket = self.wait(now: now)
        endpoint.pool.connect(id) { result in
            let isAwaited = self.isWaiting(ticket)
            switch result {
            case .success(let connection):
                guard isAwaited else { return endpoint.pool.connectionIsFree(connection) }
                self.stopWaiting()
                let now = self.worker.loop.now
                self.times.connected(now: now)
                self.send(on: connection, now: now)
            case .failure(let failure):
                self.service.control.connectFailed(endpoint.id, reason: failure.detail)
                if isAwaited { self.upstreamFailed(failure) }
            }
        }
    }

    func queue(now: MonotonicTime) {
        let ticket = self.wait(now: now)
        if self.service.enqueue(self, ticket: ticket, isFirst: self.hasLeftQueue) {
            self.worker.metrics.changeQueue(service: self.service.index, by: 1)
            self.isQueued = true
            self.hasLeftQueue = false
        } else {
            self.worker.metrics.queueWasFull(service: self.service.index)
            self.stopWaiting()
            if self.overflows(now: now) { return self.pick(now: now) }
            self.end(.queueFull)
        }
    }

    /// Called by the queue when a connection may be free.
    func leaveQueue(_ ticket: UInt64) {
        guard self.isWaiting(ticket) else { return }
        self.stopWaiting()
        self.hasLeftQueue = true
        self.pick(now: self.worker.loop.now)
        self.hasLeftQueue = false
    }

    func isWaiting(_ ticket: UInt64) -> Bool {
        self.phase == .waiting && self.ticket == ticket
    }

    func wait(now: MonotonicTime) -> UInt64 {
        self.phase = .waiting
        self.ticket &+= 1
        self.downstream.pauseBody()
        let timer = DeadlineTimer()
        timer.onFire = { [unowned self] now in self.waitedTooLong(now: now) }
        self.worker.loop.schedule(timer, at: self.totalDeadline, now: now)
        self.waitTimer = timer
        return self.ticket
    }

    private func waitedTooLong(now: MonotonicTime) {
        let wasQueued = self.isQueued
        self.tryEnds(.timeout, latency: nil, now: now)
        self.end(wasQueued ? .queueTimedOut : .tryFailed(.init(.totalTimedOut, "")))
    }

    func stopWaiting() {
        self.ticket &+= 1
        if self.isQueued {
            self.isQueued = false
            self.worker.metrics.changeQueue(service: self.service.index, by: -1)
        }
        guard let timer = self.waitTimer else { return }
        self.waitTimer = nil
        timer.onFire = nil
        self.worker.loop.cancel(timer)
    }
}
