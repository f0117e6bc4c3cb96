import NIOCore
import UsherCore
import UsherHTTP
import UsherTelemetry
import UsherTransport

/// The request's body on its way from the client to the replica, with back-pressure in between.
extension Exchange {
    func requestBody(_ data: ByteBuffer) {
        if let bodyMax = self.plan.bodyMax, self.phase != .tunnel, self.body.count + data.readableBytes > bodyMax {
            let flows = self.phase == .answering
            self.giveUpTry()
            if flows { self.breaksOff(.bodyTooLarge) } else { self.end(.bodyTooLarge) }
            return
        }
        switch self.phase {
        case .gathering, .waiting:
            self.body.gather(data)
            if self.needsBodyForShard { self.checkGathered(data.readableBytes) }
        case .tunnel:
            guard let upstream = self.upstream else { return }
            self.bytesSent += data.readableBytes
            self.tunnelBytes.fromClient += data.readableBytes
            upstream.sendBody(data)
            if !upstream.isWritable { self.downstream.pauseBody() }
        case .sent, .answering:
            guard let upstream = self.upstream else { return }
            self.bytesSent += data.readableBytes
            self.body.stream(data, to: upstream, framing: self.head.framing)
            if !upstream.isWritable { self.downstream.pauseBody() }
        case .over:
            break
        }
    }

    var keptBytes: Int { self.body.keptBytes }

    func requestEnd(_ trailers: Trailers?) {
        self.body.end(trailers, framing: self.head.framing)
        switch self.phase {
        case .gathering:
            self.stopWaiting()
            self.pick(now: self.gatheredAt())
        case .sent, .answering:
            guard let upstream = self.upstream else { return }
            self.body.streamEnd(to: upstream)
            // What the client took to send its body does not count.
            self.totalDeadline = self.worker.loop.now.nanoseconds &+ self.destination.total
            upstream.requestIsSent(total: self.totalDeadline)
        case .waiting, .tunnel, .over:
            break
        }
    }

    func requestReadComplete() {
        switch self.phase {
        case .gathering where self.needsBodyForShard: break
        case .gathering: self.pick(now: self.downstream.startedAt)
        case .sent, .answering, .tunnel: self.upstream?.flush()
        case .waiting, .over: break
        }
    }

    /// When the request is taken to have come. What the client took to send a body that had to be read first does not
    /// count.
    private func gatheredAt() -> MonotonicTime {
        guard self.root.shards?.plan.needsBody == true else { return self.downstream.startedAt }
        let now = self.worker.loop.now
        self.totalDeadline = now.nanoseconds &+ self.destination.total
        return now
    }

    func upstreamIsWritable() {
        self.downstream.resumeBody()
    }

    func downstreamIsWritable() {
        self.upstream?.resumeReading()
    }
}
