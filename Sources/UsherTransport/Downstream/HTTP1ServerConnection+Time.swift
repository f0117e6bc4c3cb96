import NIOCore
import UsherCore
import UsherHTTP

/// Time-outs: what a client may take for a head, a body, its answer, and between two requests.
extension HTTP1ServerConnection {
    func timeIsOver(now: MonotonicTime) {
        guard let context = self.context else { return }
        if !self.isWritable || (self.phase == .closing && context.unsentBytes > 0) {
            self.checkStall(context, now: now)
            return
        }
        switch self.phase {
        case .head where self.isIdle:
            self.phase = .closing
            context.close(promise: nil)
        case .head:
            self.startedAt = self.headStartedAt
            self.refuse(Refusal(408, "the request's head took too long"))
        case .body:
            self.checkBodyRate(now: now)
        case .answering, .tunnel:
            // The exchange's own time-outs hold here.
            break
        case .discarding:
            self.lingerAndClose()
        case .closing:
            context.close(promise: nil)
        }
    }

    /// A body must come at `bodyRate` once its grace is over, unless it is us who do not read.
    private func checkBodyRate(now: MonotonicTime) {
        if self.bodyIsPaused { return }
        guard self.limits.isTooSlow(self.bodyBytes, since: self.bodyClockStart, now: now) else {
            self.loop.schedule(self, after: 1_000_000_000, now: now)
            return
        }
        let refusal = Refusal(408, "the request's body came too slowly")
        self.endEarly(.refused(refusal), refusal)
    }

    /// A client that takes nothing for `writeStall` is cut off; one that is merely slow is not.
    private func checkStall(_ context: ChannelHandlerContext, now: MonotonicTime) {
        let unsent = context.unsentBytes
        if unsent < self.stalledBytes {
            self.stalledBytes = unsent
            self.loop.schedule(self, after: self.limits.writeStall, now: now)
        } else {
            self.endHandler(.timedOut)
            self.abort()
        }
    }
}
