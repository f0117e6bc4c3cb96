import UsherCore
import UsherHTTP
import UsherTelemetry
import UsherTransport

/// The `account` phase: whatever became of a request is counted and logged once.
extension Exchange {
    /// The answer is complete.
    func exchangeEnded() {
        self.account()
    }

    /// The client left or broke a rule.
    func downstreamClosed(_ reason: DownstreamEnd) {
        self.stopWaiting()
        self.clientLeft()
        switch reason {
        case .aborted where self.why.utf8CodeUnitCount == 0 && self.phase != .tunnel:
            self.why = "the client closed the connection before the answer was complete"
        case .aborted, .tunnelClosed:
            break
        case .timedOut:
            self.why = "the client took nothing of its answer for too long"
        case .overloaded:
            self.why = "the client did not take its answers, and the memory for them was used up"
        case .refused(let refusal):
            self.why = PathRefusal.malformed(refusal).answer.why
            if self.status == 0 { self.status = refusal.status }
        }
        self.account()
    }

    /// Where the request went, and the number of its service.
    func tries(now: MonotonicTime) -> (told: AccessEntry.Tries, service: Int) {
        var tries = AccessEntry.Tries()
        tries.service = self.root.plan.logName
        if self.service !== self.root { tries.shard = self.service.plan.shardLogName }
        if let endpoint = self.endpoint { tries.replica = endpoint.plan.logName }
        tries.attempts = self.rule.attempts
        tries.trace = self.trace
        tries.times = self.times.ended(now: now)
        return (tries, self.root.index)
    }

    private func account() {
        guard self.phase != .over else { return }
        self.phase = .over
        let now = self.worker.loop.now
        var entry = AccessEntry()
        entry.unixMilliseconds = WallClock.milliseconds()
        entry.take(self.peer, of: self.head)
        self.admission.tell(&entry, self.worker.snapshot.credentials)
        entry.durationNanoseconds = now.nanoseconds(since: self.downstream.startedAt)
        entry.status = self.status
        entry.bytesIn = self.downstream.bytesReceived
        entry.bytesOut = self.downstream.bytesSent
        entry.route = self.plan.logName
        entry.why = self.why
        entry.requestID = self.requestID.slice
        entry.tries = self.tries(now: now).told
        if let session = self.session { self.account(session, &entry) }
        switch self.cache {
        case .fills: break
        case .none, .passes:
            if case .passes = self.cache { entry.cache = .pass }
            self.worker.account(
                entry, route: self.worker.routeIndex(of: self.plan), service: self.root.index, head: self.head)
        }
        if let trail = self.trail {
            trail.shards.ended(
                trail.choice, nanoseconds: entry.durationNanoseconds, bytes: entry.bytesIn &+ entry.bytesOut)
        }
        self.service.requestEnded()
        self.worker.gatheredBytes -= self.gatheredBytes
        self.admission.release()
    }
}
