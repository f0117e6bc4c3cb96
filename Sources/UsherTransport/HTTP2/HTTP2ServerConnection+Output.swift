import NIOCore
import UsherCore
import UsherHTTP

/// Writing: the frames of all streams gather in one buffer, and leave once at the end of the event loop's turn.
extension HTTP2ServerConnection {
    /// What waits beyond this is handed to the channel at once. 64 KiB.
    private static let gatheredMax = 65_536

    /// Appends frames to what waits.
    @inline(__always)
    func write<Result>(_ body: (inout HTTP2Machine, inout ByteBuffer) -> Result) -> Result {
        var out = self.takeOut()
        let result = body(&self.machine, &out)
        self.putBack(out)
        return result
    }

    func takeOut() -> ByteBuffer { self.out.take() ?? self.loop.writeBuffers.take() }

    func putBack(_ out: consuming ByteBuffer) {
        guard out.readableBytes > 0 else { return self.loop.writeBuffers.giveBack(out) }
        self.out = out
        self.flushLater()
    }

    /// Sends what waits when it has become much, so that it does not grow without end, and to see what the socket
    /// takes.
    func limitOut() {
        if let out = self.out, out.readableBytes >= Self.gatheredMax { self.flush() }
    }

    /// Many streams are answered in one turn of the loop; one system call, and one TLS record, serves them all.
    func flushLater() {
        guard !self.isFlushDue else { return }
        self.isFlushDue = true
        self.loop.flushLater(self)
    }

    func flushNow() {
        guard self.isFlushDue else { return }
        self.flush()
    }

    func flush() {
        self.isFlushDue = false
        self.writeOut()
        guard self.hasUnflushed else { return }
        self.hasUnflushed = false
        self.context?.flush()
    }

    private func writeOut() {
        guard let out = self.out.take() else { return }
        self.outGeneration &+= 1
        guard let context = self.context else { return }
        self.hasUnflushed = true
        context.write(self.wrapOutboundOut(out), promise: nil)
        self.loop.writeBuffers.giveBack(out)
    }

    // MARK: Answers that wait

    enum NewRoom {
        case none
        case at(Int)
        case everywhere
    }

    /// Room is used once all that was received has been read: a client that tells of each of our frames by itself would
    /// have the next ones cut ever shorter.
    func noteRoom(at place: Int?) {
        switch (self.newRoom, place) {
        case (.none, let place?): self.newRoom = .at(place)
        case (.at(let noted), let place?) where noted == place: break
        default: self.newRoom = .everywhere
        }
    }

    func sendIntoNewRoom() {
        let room = self.newRoom
        self.newRoom = .none
        switch room {
        case .none: break
        case .at(let place): self.sendHeld(at: place)
        case .everywhere: self.sendHeld(at: nil)
        }
    }

    /// The socket takes more again. That may come about inside of what is done here, whenever something is sent.
    func makeUseOfRoom() {
        self.hasRoomAgain = true
        guard !self.isMakingUseOfRoom else { return }
        self.isMakingUseOfRoom = true
        while self.hasRoomAgain {
            self.hasRoomAgain = false
            self.sendHeld(at: nil)
            for case let stream? in self.streams where !stream.holds && self.isWritable { stream.tellWritable() }
        }
        self.isMakingUseOfRoom = false
    }

    /// Sends what waits for room: on one stream, or on all of them in turn.
    func sendHeld(at place: Int?) {
        guard self.isWritable else { return }
        if let place {
            if self.streams.indices.contains(place) { self.streams[place]?.sendHeld(atMost: .max) }
            return self.limitOut()
        }
        // A frame each in turn, so that no stream has to wait until another is done.
        var goesOn = true
        while goesOn && self.isWritable && self.machine.hasRoom {
            goesOn = false
            for case let stream? in self.streams where stream.holds {
                if stream.sendHeld(atMost: FrameHead.largestPayload) { goesOn = true }
                self.limitOut()
            }
        }
    }
}
