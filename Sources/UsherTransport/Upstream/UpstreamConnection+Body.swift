package import NIOCore

/// Sending a request's body, or into a tunnel.
extension UpstreamConnection {
    /// Pieces below this are joined. 4 KiB.
    private static let smallPiece = 4096
    /// Joined pieces that may wait for the socket to take those before them. 64 KiB.
    private static let gatheredMax = 65_536

    /// False: no more should come until the handler hears `upstreamIsWritable`.
    package var isWritable: Bool { self.channelIsWritable && self.gathered.readableBytes < Self.gatheredMax }

    /// Sends more of the request's body, or into the tunnel; `flush` follows.
    ///
    /// Small pieces are copied and leave together. A channel's queue keeps each piece by itself, and with it the whole
    /// read buffer that it lies in, while it counts only its bytes: a client that sends one at a time would make us
    /// hold thousands of times as much for a replica that does not read.
    package func sendBody(_ data: ByteBuffer) {
        if data.readableBytes < Self.smallPiece {
            self.gathered.writeImmutableBuffer(data)
        } else {
            self.writeGathered()
            self.context?.write(self.wrapOutboundOut(data), promise: nil)
        }
        switch self.phase {
        case .head: self.bound(by: self.deadlines.response, now: self.loop.now)
        // Either direction keeps a tunnel alive.
        case .tunnel: self.bound(by: self.deadlines.idle, now: self.loop.now)
        case .idle, .body, .ending, .closed: break
        }
    }

    package func flush() {
        // While the socket has not taken the last lot the next one grows; `lotIsSent` sends it.
        if self.unsentLots == 0 { self.writeGathered() }
        self.context?.flush()
    }

    func writeGathered() {
        guard self.gathered.readableBytes > 0, let context = self.context else { return }
        let lot = self.gathered
        self.gathered = ByteBuffer()
        self.unsentLots += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.lotIsSent() }
        context.write(self.wrapOutboundOut(lot), promise: promise)
    }

    private func lotIsSent() {
        self.unsentLots -= 1
        guard self.unsentLots == 0 else { return }
        if self.gathered.readableBytes > 0 { self.flush() }
        // Whoever was held back by what had gathered hears of it here only: the channel may have had room all the time.
        if self.isWritable { self.handler?.upstreamIsWritable() }
    }
}
