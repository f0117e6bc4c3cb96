internal import NIOCore

/// Which connection takes which request.
extension LoadWorker {
    // MARK: Opening

    /// Opens all connections; the future tells how many there are once none is undecided.
    func openAll() -> EventLoopFuture<Int> {
        guard self.phase == .opening else { return self.decided.futureResult }
        self.beginSweeping()
        for slot in self.slots.indices { self.open(slot) }
        if self.slots.isEmpty { self.decide(all: true) }
        return self.decided.futureResult
    }

    private func open(_ slot: Int) {
        self.slots[slot].state = .opening
        self.slots[slot].since = Self.now
        self.opening.open(on: self.eventLoop) { self.makeConnection(slot) }.assumeIsolated().whenFailure { error in
            self.openingFailed(slot, reason: Self.describe(error))
        }
    }

    private func makeConnection(_ slot: Int) -> any ChannelHandler {
        if self.plan.isHTTP2 {
            let connection = HTTP2Connection(
                self, slot: slot, requests: self.requests, streamsMax: self.plan.streams,
                waitsForTLS: self.plan.server.isTLS)
            self.slots[slot].connection = connection
            return connection
        }
        let connection = HTTP1Connection(
            self, slot: slot, requests: self.requests, waitsForTLS: self.plan.server.isTLS)
        self.slots[slot].connection = connection
        return connection
    }

    /// A connection can take requests.
    func opened(_ slot: Int, _ connection: any LoadConnection) {
        guard self.slots[slot].connection === connection, self.slots[slot].state == .opening, self.phase != .done
        else { return connection.close() }
        self.slots[slot].state = .open
        self.countConnection()
        if self.phase == .opening {
            self.undecided -= 1
            self.decide(all: false)
        } else {
            self.take(slot, now: Self.now)
        }
    }

    /// A connection has ended, or will not be one.
    ///
    /// - Parameter reason: told when it was not open yet.
    func closed(_ slot: Int, _ connection: any LoadConnection, reason: String) {
        guard self.slots[slot].connection === connection else { return }
        guard self.slots[slot].state == .open else { return self.openingFailed(slot, reason: reason) }
        self.slots[slot].state = .closed
        self.slots[slot].connection = nil
        self.reopen(slot)
    }

    /// There is a connection, but after all this time it cannot be used yet.
    func giveUpOpening(_ slot: Int) {
        guard let connection = self.slots[slot].connection else { return }
        self.openingFailed(slot, reason: "the connection was not ready in time")
        connection.close()
    }

    private func openingFailed(_ slot: Int, reason: String) {
        guard self.slots[slot].state == .opening else { return }
        self.slots[slot].state = .closed
        self.slots[slot].connection = nil
        guard self.phase != .done else { return }
        if self.phase == .opening {
            self.countRefusedConnection(reason)
            self.undecided -= 1
            self.decide(all: false)
            return
        }
        if let pending = self.slots[slot].pending.take() { self.failed(pending, .connect, reason, now: Self.now) }
        if self.isClosedLoop {
            self.eventLoop.assumeIsolated().scheduleTask(in: Self.retryTime) { self.reopen(slot) }
        } else {
            self.reopen(slot)
        }
    }

    func decide(all: Bool) {
        guard all || self.undecided == 0 else { return }
        self.decided.succeed(self.slots.count { $0.state == .open })
    }

    /// A slot without a connection gets one as soon as there is a request for it.
    private func reopen(_ slot: Int) {
        guard self.phase == .running || self.phase == .draining, self.slots[slot].state == .closed else { return }
        let now = Self.now
        if let attempt = self.nextWaiting(now: now) {
            self.slots[slot].pending = attempt
        } else if self.isClosedLoop, self.mayBegin(at: now) {
            self.slots[slot].pending = self.begin(at: now)
        } else {
            self.vacant.append(slot)
            return
        }
        self.open(slot)
    }

    // MARK: Requests

    /// Sends a request on a connection with room, else has one opened, else lets it wait.
    func place(_ attempt: Attempt, now: UInt64) {
        while let slot = self.free.popFirst() {
            self.slots[slot].isListed = false
            guard self.slots[slot].state == .open, let connection = self.slots[slot].connection, connection.room > 0
            else { continue }
            connection.send(attempt)
            if connection.room > 0 { self.list(slot) }
            return
        }
        while let slot = self.vacant.popLast() {
            guard self.slots[slot].state == .closed else { continue }
            self.slots[slot].pending = attempt
            return self.open(slot)
        }
        self.waiting.append(attempt)
    }

    /// A connection has room again.
    func hasRoom(_ slot: Int, now: UInt64) {
        guard self.phase != .opening, self.slots[slot].state == .open else { return }
        self.take(slot, now: now)
    }

    /// Gives a connection what it has room for. A closed slot gets a connection first.
    func take(_ slot: Int, now: UInt64) {
        guard self.phase == .running || self.phase == .draining else { return }
        guard self.slots[slot].state == .open, let connection = self.slots[slot].connection else {
            return self.reopen(slot)
        }
        while connection.room > 0 {
            if let attempt = self.slots[slot].pending.take() ?? self.nextWaiting(now: now) {
                connection.send(attempt)
            } else if self.isClosedLoop, self.mayBegin(at: now) {
                connection.send(self.begin(at: now))
            } else {
                return self.list(slot)
            }
        }
    }

    private func nextWaiting(now: UInt64) -> Attempt? {
        self.dropLate(startedBy: self.latest(now: now), now: now)
        return self.waiting.popFirst()
    }

    private func list(_ slot: Int) {
        guard !self.slots[slot].isListed else { return }
        self.slots[slot].isListed = true
        self.free.append(slot)
    }
}
