package import NIOCore
import UsherCore

/// Bodies: what comes in DATA frames, and the windows that bound them (RFC 9113 §5.2, §6.1, §6.9).
extension HTTP2Machine {
    /// - Parameter padding: nil: the frame has none, and no byte that says how much.
    mutating func beginData(
        _ head: FrameHead, padding: Int?, _ out: inout ByteBuffer, _ now: MonotonicTime
    ) -> Event? {
        let content = head.length - (padding.map { $0 + 1 } ?? 0)
        guard content >= 0 else { return end(.protocolError, "more padding than payload", &out) }
        let endsStream = head.flags.contains(.endStream)
        if content == 0 && !endsStream { noteControl(now) }
        receiveWindow -= head.length
        guard receiveWindow >= 0 else { return end(.flowControlError, "more DATA than the connection's window", &out) }
        guard let place = table.slot(of: head.stream) else {
            guard !isIdle(head.stream) else { return end(.protocolError, "DATA on an idle stream", &out) }
            guard table.past(of: head.stream) != .ended else {
                return end(.streamClosed, "DATA on a stream that has ended", &out)
            }
            // It was on its way when the stream was reset, however long ago that is.
            if content == 0 && endsStream { noteControl(now) }
            return discard(head, hasPadding: padding != nil, &out)
        }
        if let code = fault(of: head, content, place) {
            let event = failStream(head.stream, code, &out, now)
            _ = discard(head, hasPadding: padding != nil, &out)
            return event
        }
        phase = .data(place: place, remaining: content, padding: padding ?? 0, endsStream: endsStream)
        // Padding is used up at once.
        if head.length > content { credit(place, head.length - content, &out) }
        return nil
    }

    private mutating func fault(of head: FrameHead, _ content: Int, _ place: Int) -> HTTP2ErrorCode? {
        table.update(place) { state in
            if state.isRemoteClosed { return .streamClosed }
            state.receiveWindow -= head.length
            if state.receiveWindow < 0 { return .flowControlError }
            guard state.remaining >= 0 else { return nil }
            state.remaining -= content
            return state.remaining < 0 ? .protocolError : nil
        }
    }

    /// Throws a frame's payload away, and gives its room back.
    private mutating func discard(_ head: FrameHead, hasPadding: Bool, _ out: inout ByteBuffer) -> Event? {
        phase = .skip(head.length - (hasPadding ? 1 : 0))
        creditConnection(head.length, &out)
        return nil
    }

    /// Passes on what is there of a DATA frame.
    mutating func readData(
        _ place: Int, _ remaining: Int, _ padding: Int, _ endsStream: Bool, _ input: inout ByteBuffer
    ) -> Event {
        guard let piece = input.readSlice(length: min(remaining, input.readableBytes)), piece.readableBytes > 0
        else { return .needsMore }
        phase = .data(
            place: place, remaining: remaining - piece.readableBytes, padding: padding, endsStream: endsStream)
        return .body(place: place, piece)
    }

    /// The last DATA frame of a stream is over.
    mutating func endData(_ place: Int, _ out: inout ByteBuffer, _ now: MonotonicTime) -> Event? {
        guard table.streams[place].remaining <= 0 else {
            return failStream(table.streams[place].id, .protocolError, &out, now)
        }
        return closeRemote(place, hasTrailers: false)
    }

    /// The stream whose DATA frame is being read is not there any more: the rest of the frame is thrown away.
    mutating func forgetData(of place: Int, _ out: inout ByteBuffer) {
        guard case .data(let current, let remaining, let padding, _) = phase, current == place else { return }
        phase = .skip(remaining + padding)
        creditConnection(remaining, &out)
    }

    /// What a request's `content-length` promises.
    package mutating func expect(_ length: Int, at place: Int) {
        table.update(place) { $0.remaining = length }
    }

    // MARK: Windows

    /// A part of a body is used up, so the peer may send as much more.
    package mutating func consumed(_ count: Int, at place: Int, _ out: inout ByteBuffer) {
        credit(place, count, &out)
    }

    /// Bytes of a stream that is not there any more are used up.
    package mutating func consumed(_ count: Int, _ out: inout ByteBuffer) {
        creditConnection(count, &out)
    }

    /// Tells the peer soon, though not of every byte: some clients that wait for room miss the frame that gives it when
    /// another of their streams reads it, and go on only with the next one.
    private mutating func credit(_ place: Int, _ count: Int, _ out: inout ByteBuffer) {
        let least = configuration.streamWindow / 16
        let due = table.update(place) { state -> (id: UInt32, count: Int)? in
            state.uncredited += count
            guard state.uncredited >= least, !state.isRemoteClosed else { return nil }
            let due = (state.id, state.uncredited)
            state.receiveWindow += state.uncredited
            state.uncredited = 0
            return due
        }
        if let due { out.writeWindowUpdate(stream: due.id, increment: due.count) }
        creditConnection(count, &out)
    }

    private mutating func creditConnection(_ count: Int, _ out: inout ByteBuffer) {
        uncredited += count
        // All that the peer still has may be less, when streams that wait for their replicas keep their part.
        guard uncredited > 0, uncredited >= min(configuration.connectionWindow / 32, receiveWindow) else { return }
        out.writeWindowUpdate(stream: 0, increment: uncredited)
        receiveWindow += uncredited
        uncredited = 0
    }
}
