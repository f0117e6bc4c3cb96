package import NIOCore
package import UsherCore

/// What the owner sends: answers, resets, and the connection's end.
extension HTTP2Machine {
    /// Begins a HEADERS frame; the owner appends the block's fields, then calls `endBlock`.
    ///
    /// - Returns: where the frame begins in `out`.
    package mutating func beginBlock(at place: Int, _ out: inout ByteBuffer) -> Int {
        let start = out.writerIndex
        out.writeFrameHead(.headers, .endHeaders, stream: table.streams[place].id, length: 0)
        if !hasWrittenBlock {
            hasWrittenBlock = true
            HPACKWriter.writeTableSizeZero(to: &out)
        }
        return start
    }

    /// Says how long the block that begins at `start` has become; a long one is cut into frames.
    package mutating func endBlock(_ start: Int, at place: Int, _ out: inout ByteBuffer) {
        let length = out.writerIndex - start - FrameHead.count
        guard length > FrameHead.largestPayload else {
            Self.setLength(length, at: start, &out)
            return
        }
        var rest = out.getSlice(at: start + FrameHead.count, length: length) ?? ByteBuffer()
        // A copy of its own, for the frames are written over it.
        rest = ByteBuffer(rest.readableBytesView)
        out.moveWriterIndex(to: start)
        var type = FrameType.headers
        while rest.readableBytes > 0 {
            let count = min(rest.readableBytes, FrameHead.largestPayload)
            let flags: FrameFlags = count == rest.readableBytes ? .endHeaders : []
            out.writeFrameHead(type, flags, stream: table.streams[place].id, length: count)
            if var piece = rest.readSlice(length: count) { out.writeBuffer(&piece) }
            type = .continuation
        }
    }

    private static func setLength(_ length: Int, at start: Int, _ out: inout ByteBuffer) {
        out.setInteger(UInt8(truncatingIfNeeded: length &>> 16), at: start)
        out.setInteger(UInt16(truncatingIfNeeded: length), at: start + 1)
    }

    /// The connection's own window is open.
    package var hasRoom: Bool { sendWindow > 0 }

    /// How much may be sent on a stream now.
    package func room(at place: Int) -> Int { max(0, min(table.streams[place].sendWindow, sendWindow)) }

    /// Writes as much of `data` as the windows allow, in as many frames as it takes.
    ///
    /// - Returns: where the last frame begins in `out`; nil when none was written.
    package mutating func write(_ data: inout ByteBuffer, at place: Int, _ out: inout ByteBuffer) -> Int? {
        var last: Int?
        while let count = beginFrame(of: data.readableBytes, at: place, &out) {
            last = out.writerIndex - FrameHead.count
            if var piece = data.readSlice(length: count) { out.writeBuffer(&piece) }
        }
        return last
    }

    /// The same with what waited for room: frames are as long as the windows allow, wherever one piece ends.
    ///
    /// - Returns: where the last frame begins in `out`, and how many bytes of the pieces were written.
    package mutating func write(
        _ pieces: inout CircularBuffer<ByteBuffer>, atMost limit: Int, at place: Int, _ out: inout ByteBuffer
    ) -> (last: Int, count: Int)? {
        var last: Int?
        var written = 0
        var left = min(limit, pieces.reduce(0) { $0 + $1.readableBytes })
        while let count = beginFrame(of: left, at: place, &out) {
            last = out.writerIndex - FrameHead.count
            var due = count
            while due > 0, var piece = pieces.popFirst() {
                if var part = piece.readSlice(length: min(due, piece.readableBytes)) { due -= out.writeBuffer(&part) }
                if piece.readableBytes > 0 { pieces.prepend(piece) }
            }
            written += count
            left -= count
        }
        return last.map { ($0, written) }
    }

    /// Begins a DATA frame with as many of these bytes as may be sent; nil: none may, or there are none.
    private mutating func beginFrame(of bytes: Int, at place: Int, _ out: inout ByteBuffer) -> Int? {
        let count = min(bytes, FrameHead.largestPayload, room(at: place))
        guard count > 0 else { return nil }
        out.writeFrameHead(.data, stream: table.streams[place].id, length: count)
        sendWindow -= count
        table.update(place) { $0.sendWindow -= count }
        // Short because there is no more yet, or because the client's windows cut it short.
        allowUpdates(for: bytes == count ? max(count, 2 * Self.updateCost) : count)
        return count
    }

    /// Takes back what was written and not sent.
    ///
    /// - Parameters:
    ///   - count: bytes of DATA.
    ///   - withFirstBlock: the connection's first header block is among it.
    package mutating func unwrite(_ count: Int, at place: Int, withFirstBlock: Bool) {
        if withFirstBlock { hasWrittenBlock = false }
        sendWindow += count
        table.update(place) { $0.sendWindow += count }
    }

    /// The answer is complete.
    ///
    /// - Parameter lastFrame: where the stream's last frame begins in `out`, if it is still there, to be marked as the
    ///   last; nil: an empty frame says it.
    /// - Returns: whether the stream is over; else the client has not sent all of its request.
    package mutating func endStream(at place: Int, lastFrame: Int?, _ out: inout ByteBuffer) -> Bool {
        if let lastFrame {
            let flags = out.getInteger(at: lastFrame + 4, as: UInt8.self) ?? 0
            out.setInteger(flags | FrameFlags.endStream.rawValue, at: lastFrame + 4)
        } else {
            out.writeFrameHead(.data, .endStream, stream: table.streams[place].id, length: 0)
        }
        let isOver = table.update(place) { state in
            state.isLocalClosed = true
            return state.isRemoteClosed
        }
        if isOver { table.close(place, isReset: false) }
        return isOver
    }

    /// Ends a stream before its end; its place is free afterwards.
    ///
    /// - Parameter isPeersFault: it counts against the client.
    package mutating func reset(
        at place: Int, _ code: HTTP2ErrorCode, isPeersFault: Bool, _ out: inout ByteBuffer, now: MonotonicTime
    ) {
        out.writeReset(stream: table.streams[place].id, code)
        forgetData(of: place, &out)
        table.close(place, isReset: true)
        if isPeersFault { noteReset(now) }
    }

    // MARK: The connection's end

    /// Asks the client to open no more streams, and to say when it has heard of that.
    package mutating func announceEnd(_ out: inout ByteBuffer) {
        out.writeGoAway(lastStream: 0x7FFF_FFFF, .noError)
        out.writePing(Self.drainPing, isAcknowledgement: false)
    }

    /// Takes no more streams than those that were opened.
    package mutating func refuseMore(_ out: inout ByteBuffer) {
        guard !takesNoMore else { return }
        takesNoMore = true
        out.writeGoAway(lastStream: lastStream, .noError)
    }

    private static let drainPing: UInt64 = 0x7573_6865_7221_2121
}
