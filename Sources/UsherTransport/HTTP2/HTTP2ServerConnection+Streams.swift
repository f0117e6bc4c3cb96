import NIOCore
import UsherCore
import UsherHTTP

/// Streams: how they begin, what they get of the input, and when their places are free again.
extension HTTP2ServerConnection {
    func receive(_ data: ByteBuffer, at place: Int) {
        guard let stream = self.streams[place] else { return }
        if stream.receive(data), self.fed.last !== stream { self.fed.append(stream) }
    }

    /// The machine has closed a stream before its end.
    func lost(at place: Int) {
        self.takeStream(at: place)?.wasReset(.aborted)
        self.streamEnded()
    }

    func receiveEnd(at place: Int, hasTrailers: Bool) {
        guard let stream = self.streams[place] else { return }
        // Whose answer is complete is over with this, in the machine too: nothing is left that could be broken off.
        guard hasTrailers, stream.phase != .discarding else { return stream.receiveEnd(nil) }
        let trailers: Trailers?
        do {
            trailers = try RequestTranslation.trailers(self.loop.fields)
        } catch {
            return stream.breakOff(error)
        }
        stream.receiveEnd(trailers)
    }

    // MARK: Requests

    func begin(at place: Int, hasBody: Bool, now: MonotonicTime) {
        self.idleSince = nil
        let stream = HTTP2Stream(self, place: place, startedAt: now)
        while self.streams.count <= place { self.streams.append(nil) }
        self.streams[place] = stream
        let isDeaf = self.isDeaf
        guard !isDeaf, !self.isOverloaded else {
            // The client may ask again, here or elsewhere: nothing was done (RFC 9113 §8.7). But refusals are answers
            // too, which one that reads nothing does not get without end.
            self.write { machine, out in
                machine.reset(at: place, .refusedStream, isPeersFault: isDeaf, &out, now: now)
            }
            self.streams[place] = nil
            self.acceptor.requestRefused(Refusal(503, "too much waits for this client already"), on: stream)
            return stream.wasReset(.aborted)
        }
        self.loop.translation.clear()
        switch RequestTranslation.write(self.loop.fields, hasBody: hasBody, to: &self.loop.translation) {
        case .malformed(let reason):
            stream.breakOff(reason)
        case .refused(let refusal):
            stream.refuse(refusal)
        case .translated:
            stream.begin(&self.loop.translation, hasBody: hasBody)
            if stream.phase == .receiving { self.fed.append(stream) }
        }
    }

    /// The memory for what waits is used up, and this client is one of those for whom much does.
    private var isOverloaded: Bool {
        self.heldBytes >= Self.heldMuch && self.loop.heldBytes > self.loop.heldBytesMax
    }

    /// The same by a quarter more: no longer what a moment may bring.
    var isFarOverloaded: Bool {
        self.heldBytes >= Self.heldMuch && self.loop.heldBytes > self.loop.heldBytesMax * 5 / 4
    }

    /// Whoever makes us hold less is no reason for what all of them take. 64 KiB.
    private static let heldMuch = 65_536

    /// What the socket does not take is more than bodies alone can make it, for those stop when it is full: it is
    /// heads, which no window bounds, and for which the client asks without reading them.
    private var isDeaf: Bool {
        if !self.isWritable { self.flush() }
        return !self.isWritable && self.unsentBytes > Self.unsentMax
    }

    /// 256 KiB: what a socket's queue takes before it is full, another buffer of bodies, and a hundred streams' heads.
    private static let unsentMax = 262_144

    /// A stream's place is free again.
    func takeStream(at place: Int) -> HTTP2Stream? {
        guard self.streams.indices.contains(place) else { return nil }
        let stream = self.streams[place]
        self.streams[place] = nil
        return stream
    }

    /// A stream is over; the last one of a connection that drains ends it.
    func streamEnded() {
        guard self.machine.streamCount == 0 else { return }
        if self.streams.count > 8 { self.streams = [] }
        if self.phase == .draining && self.hasRefusedMore {
            self.lingerAndClose()
        } else if !self.isProcessing {
            self.rearm(now: self.loop.now)
        }
    }

    private static let discardingMax = 16

    /// A client gets some time to end what is answered, but few streams at a time: they count among those that it may
    /// have.
    func begins(discarding stream: HTTP2Stream) {
        self.discarding.append(stream)
        if self.discarding.count > Self.discardingMax {
            self.discarding[0].resetStream(.noError, isPeersFault: false)
        }
    }

    func ends(discarding stream: HTTP2Stream) {
        self.discarding.removeAll { $0 === stream }
    }

    func endStreams(_ reason: DownstreamEnd) {
        let streams = self.streams
        self.streams = []
        for case let stream? in streams { stream.wasReset(reason) }
    }
}
