/// One stream that is open or half closed.
struct HTTP2StreamState {
    /// 0: the place is free.
    var id: UInt32 = 0
    /// What may still be sent to the peer; negative when it has made its windows smaller.
    var sendWindow = 0
    /// What the peer may still send.
    var receiveWindow = 0
    /// Bytes that were used up and that the peer has not been told of.
    var uncredited = 0
    /// What the request's `content-length` still promises; -1: it promised nothing.
    var remaining = -1
    var isRemoteClosed = false
    var isLocalClosed = false
}

/// The streams of one connection by their number, and what became of those that were there last.
struct StreamTable {
    enum Past {
        /// Both sides ended it.
        case ended
        /// One side reset it: what was on its way then may still come.
        case reset
    }

    private(set) var streams: [HTTP2StreamState] = []
    private var free: [Int] = []
    /// How many are open.
    private(set) var count = 0
    private var latest = 0
    /// The streams that ended last, and those that were reset last: for these it is known what may still come. The
    /// latter are more than a connection may have, and more than a client may reset in ten seconds.
    private var ended = RecentStreams(limit: 32)
    private var reset = RecentStreams(limit: 256)

    /// The place of a stream that is open.
    @inline(__always)
    mutating func slot(of id: UInt32) -> Int? {
        if latest < streams.count, streams[latest].id == id { return latest }
        for slot in streams.indices where streams[slot].id == id {
            latest = slot
            return slot
        }
        return nil
    }

    mutating func open(_ stream: HTTP2StreamState) -> Int {
        count += 1
        if let slot = free.popLast() {
            streams[slot] = stream
            latest = slot
            return slot
        }
        streams.append(stream)
        latest = streams.count - 1
        return latest
    }

    mutating func close(_ slot: Int, isReset: Bool) {
        remember(streams[slot].id, isReset: isReset)
        streams[slot].id = 0
        free.append(slot)
        count -= 1
        // A connection that waits for its next request keeps no memory of a hundred streams.
        if count == 0, streams.count > 8 {
            streams = []
            free = []
        }
    }

    /// A stream that was never opened counts as one that was reset.
    mutating func remember(_ id: UInt32, isReset: Bool) {
        if isReset { reset.add(id) } else { ended.add(id) }
    }

    /// What became of a stream that is not open; nil: it is not known any more, or never was there.
    func past(of id: UInt32) -> Past? {
        reset.contains(id) ? .reset : ended.contains(id) ? .ended : nil
    }

    /// Changes a stream in place.
    @inline(__always)
    mutating func update<Result>(_ slot: Int, _ body: (inout HTTP2StreamState) -> Result) -> Result {
        body(&streams[slot])
    }

    /// Moves all send windows by the change of `SETTINGS_INITIAL_WINDOW_SIZE`; false when one would grow too large.
    mutating func moveSendWindows(by delta: Int) -> Bool {
        for slot in streams.indices where streams[slot].id != 0 {
            streams[slot].sendWindow += delta
            guard streams[slot].sendWindow <= HTTP2Machine.largestWindow else { return false }
        }
        return true
    }
}

/// The numbers that were added last, in memory that grows with them.
private struct RecentStreams {
    private var ids: [UInt32] = []
    private var next = 0
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    mutating func add(_ id: UInt32) {
        if ids.count < limit { ids.append(id) } else { ids[next] = id }
        next = (next + 1) % limit
    }

    func contains(_ id: UInt32) -> Bool { ids.contains(id) }
}
