import NIOCore
import UsherCore
import UsherHTTP

/// Time-outs of the connection; each stream has its own for its body and its answer.
extension HTTP2ServerConnection {
    /// How long a client has to answer that it heard of the connection's end. 1 s.
    private static let drainTime: UInt64 = 1_000_000_000

    /// Sets the one timer to what is awaited next.
    func rearm(now: MonotonicTime) {
        guard self.phase != .closing else { return }
        if self.machine.isInsideHead {
            if self.headStartedAt == nil { self.headStartedAt = now }
        } else {
            self.headStartedAt = nil
        }
        if self.machine.streamCount > 0 { self.idleSince = nil } else { self.idleSince = self.idleSince ?? now }
        if !self.isWritable {
            // From when it stopped taking, whatever it has sent since.
            self.loop.schedule(self, at: (self.stalledAt ?? now).nanoseconds &+ self.limits.writeStall, now: now)
        } else if let since = self.drainingSince, !self.hasRefusedMore {
            self.loop.schedule(self, at: since.nanoseconds &+ Self.drainTime, now: now)
        } else if let start = self.headStartedAt {
            self.loop.schedule(self, at: start.nanoseconds &+ self.limits.headTime, now: now)
        } else if let since = self.idleSince {
            // Pings and other frames are no requests: they keep no connection that asks for nothing.
            self.loop.schedule(self, at: since.nanoseconds &+ self.limits.idle, now: now)
        } else {
            self.loop.cancel(self)
        }
    }

    func timeIsOver(now: MonotonicTime) {
        if self.phase == .closing {
            let unsent = self.unsentBytes
            guard unsent > 0, unsent < self.stalledBytes else { return self.abort() }
            self.stalledBytes = unsent
            self.loop.schedule(self, after: self.limits.writeStall, now: now)
        } else if !self.isWritable {
            // A client that takes nothing is cut off; one that is merely slow is not.
            let unsent = self.unsentBytes
            guard unsent < self.stalledBytes else { return self.stalled() }
            self.stalledBytes = unsent
            self.stalledAt = now
            self.rearm(now: now)
        } else if self.drainingSince != nil && !self.hasRefusedMore {
            self.refuseMore()
            self.rearm(now: now)
        } else if let start = self.headStartedAt, now.nanoseconds(since: start) >= self.limits.headTime {
            self.refuseMore()
            self.lingerAndClose()
        } else if self.machine.streamCount == 0 {
            self.refuseMore()
            self.lingerAndClose()
        }
    }

    private func stalled() {
        self.endStreams(.timedOut)
        self.abort()
    }

    var unsentBytes: Int {
        self.context?.unsentBytes ?? 0
    }
}
