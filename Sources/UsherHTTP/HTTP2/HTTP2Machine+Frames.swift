import NIOCore
import UsherCore

/// What each frame means (RFC 9113 §6).
extension HTTP2Machine {
    /// Judges a frame by its nine bytes; its payload may not have come.
    mutating func begin(_ head: FrameHead, _ out: inout ByteBuffer, _ now: MonotonicTime) -> Event? {
        guard head.length <= FrameHead.largestPayload else {
            return end(.frameSizeError, "a frame that is too long", &out)
        }
        guard hasSettings || (head.type == .settings && !head.flags.contains(.acknowledgement)) else {
            return end(.protocolError, "the first frame is not SETTINGS", &out)
        }
        if let block {
            guard head.type == .continuation, head.stream == block.head.stream else {
                return end(.protocolError, "another frame inside a header block", &out)
            }
            return beginContinuation(head, block, &out)
        }
        guard let type = head.type else {
            noteControl(now)
            phase = .skip(head.length)
            return nil
        }
        switch type {
        case .data:
            guard head.stream != 0 else { return end(.protocolError, "DATA on stream 0", &out) }
            guard head.flags.contains(.padded) else { return beginData(head, padding: nil, &out, now) }
            guard head.length > 0 else { return end(.frameSizeError, "padding without its length", &out) }
        case .headers:
            guard head.stream != 0 else { return end(.protocolError, "HEADERS on stream 0", &out) }
            guard head.length <= configuration.blockMax + Self.largestHeadersPadding else {
                return end(.enhanceYourCalm, "a header block that is too long", &out)
            }
        case .priority:
            guard head.stream != 0 else { return end(.protocolError, "PRIORITY on stream 0", &out) }
        case .resetStream:
            guard head.length == 4 else { return end(.frameSizeError, "RST_STREAM of a wrong length", &out) }
            guard head.stream != 0 else { return end(.protocolError, "RST_STREAM on stream 0", &out) }
        case .settings:
            guard head.stream == 0 else { return end(.protocolError, "SETTINGS on a stream", &out) }
            let isFine = head.flags.contains(.acknowledgement) ? head.length == 0 : head.length % 6 == 0
            guard isFine else { return end(.frameSizeError, "SETTINGS of a wrong length", &out) }
            guard head.length <= Self.largestSettings else {
                return end(.enhanceYourCalm, "far more settings than there are", &out)
            }
        case .ping:
            guard head.length == 8 else { return end(.frameSizeError, "PING of a wrong length", &out) }
            guard head.stream == 0 else { return end(.protocolError, "PING on a stream", &out) }
        case .goAway:
            guard head.length >= 8 else { return end(.frameSizeError, "GOAWAY of a wrong length", &out) }
            guard head.stream == 0 else { return end(.protocolError, "GOAWAY on a stream", &out) }
        case .windowUpdate:
            guard head.length == 4 else { return end(.frameSizeError, "WINDOW_UPDATE of a wrong length", &out) }
        case .pushPromise:
            return end(.protocolError, "PUSH_PROMISE from a client", &out)
        case .continuation:
            return end(.protocolError, "CONTINUATION without a header block", &out)
        }
        phase = .payload(head)
        return nil
    }

    private mutating func beginContinuation(_ head: FrameHead, _ block: OpenBlock, _ out: inout ByteBuffer) -> Event? {
        guard block.continuations < configuration.continuationsMax,
            block.bytes.readableBytes + head.length <= configuration.blockMax
        else { return end(.enhanceYourCalm, "a header block that is too long", &out) }
        phase = .payload(head)
        return nil
    }

    /// A frame other than DATA is there.
    mutating func take(
        _ head: FrameHead, _ payload: ByteBuffer, _ fields: inout FieldBlock, _ out: inout ByteBuffer,
        _ now: MonotonicTime
    ) -> Event? {
        var payload = payload
        switch head.type {
        case .headers: return takeHeaders(head, &payload, &fields, &out, now)
        case .continuation: return takeContinuation(head, payload, &fields, &out, now)
        case .priority:
            noteControl(now)
            guard head.length == 5 else { return failStream(head.stream, .frameSizeError, &out, now) }
            return nil
        case .resetStream: return takeReset(head.stream, payload, &out, now)
        case .settings: return takeSettings(head, &payload, &out, now)
        case .ping: return takePing(head, payload, &out, now)
        case .goAway:
            // The client opens no more streams; what it has open goes on. Saying so once is enough.
            noteControl(now)
            return nil
        case .windowUpdate: return takeWindowUpdate(head.stream, payload, &out, now)
        case .data, .pushPromise, nil:
            return nil
        }
    }

    // MARK: The connection

    private mutating func takeSettings(
        _ head: FrameHead, _ payload: inout ByteBuffer, _ out: inout ByteBuffer, _ now: MonotonicTime
    ) -> Event? {
        noteControl(now)
        if head.flags.contains(.acknowledgement) { return nil }
        hasSettings = true
        var initialWindow: Int?
        while let (number, value) = payload.readMultipleIntegers(as: (UInt16, UInt32).self) {
            switch HTTP2Setting(rawValue: number) {
            case .enablePush:
                guard value <= 1 else { return end(.protocolError, "ENABLE_PUSH that is neither 0 nor 1", &out) }
            case .initialWindowSize:
                guard value <= Self.largestWindow else {
                    return end(.flowControlError, "INITIAL_WINDOW_SIZE that is too large", &out)
                }
                initialWindow = Int(value)
            case .maxFrameSize:
                // We never send frames above the smallest value that may be said.
                guard value >= FrameHead.largestPayload, value < 1 << 24 else {
                    return end(.protocolError, "MAX_FRAME_SIZE that is not allowed", &out)
                }
            case .headerTableSize, .maxConcurrentStreams, .maxHeaderListSize, nil:
                // We keep no table and push nothing; a list that is too large for the peer is its own loss.
                break
            }
        }
        out.writeSettingsAcknowledgement()
        guard let initialWindow else { return nil }
        // Once a frame, whose last word holds: each would move a hundred windows.
        let delta = initialWindow - peerInitialWindow
        peerInitialWindow = initialWindow
        guard table.moveSendWindows(by: delta) else {
            return end(.flowControlError, "INITIAL_WINDOW_SIZE that makes a window too large", &out)
        }
        return delta > 0 ? .windowOpened(place: nil) : nil
    }

    private mutating func takePing(
        _ head: FrameHead, _ payload: ByteBuffer, _ out: inout ByteBuffer, _ now: MonotonicTime
    ) -> Event? {
        noteControl(now)
        if head.flags.contains(.acknowledgement) { return .pingAcknowledged }
        if let data = payload.getInteger(at: payload.readerIndex, as: UInt64.self) {
            out.writePing(data, isAcknowledgement: true)
        }
        return nil
    }

    private mutating func takeWindowUpdate(
        _ stream: UInt32, _ payload: ByteBuffer, _ out: inout ByteBuffer, _ now: MonotonicTime
    ) -> Event? {
        let increment = Int((payload.getInteger(at: payload.readerIndex, as: UInt32.self) ?? 0) & 0x7FFF_FFFF)
        if updateCredit >= Self.updateCost { updateCredit -= Self.updateCost } else { noteControl(now) }
        guard stream != 0 else {
            guard increment > 0 else { return end(.protocolError, "WINDOW_UPDATE by nothing", &out) }
            sendWindow += increment
            guard sendWindow <= Self.largestWindow else {
                return end(.flowControlError, "WINDOW_UPDATE that makes the window too large", &out)
            }
            return .windowOpened(place: nil)
        }
        guard let place = table.slot(of: stream) else {
            return isIdle(stream) ? end(.protocolError, "WINDOW_UPDATE on an idle stream", &out) : nil
        }
        guard increment > 0 else { return failStream(stream, .protocolError, &out, now) }
        let window = table.update(place) { state in
            state.sendWindow += increment
            return state.sendWindow
        }
        guard window <= Self.largestWindow else { return failStream(stream, .flowControlError, &out, now) }
        return .windowOpened(place: place)
    }

    // MARK: Streams

    private mutating func takeReset(
        _ stream: UInt32, _ payload: ByteBuffer, _ out: inout ByteBuffer, _ now: MonotonicTime
    ) -> Event? {
        noteReset(now)
        guard let place = table.slot(of: stream) else {
            return isIdle(stream) ? end(.protocolError, "RST_STREAM on an idle stream", &out) : nil
        }
        table.close(place, isReset: true)
        let code = payload.getInteger(at: payload.readerIndex, as: UInt32.self) ?? 0
        return .reset(place: place, HTTP2ErrorCode(rawValue: code) ?? .cancel)
    }

    /// Never opened by the client.
    func isIdle(_ stream: UInt32) -> Bool { stream > highestStream || stream % 2 == 0 }

    /// The client broke a rule on one stream: that one ends (RFC 9113 §5.4.2), the others go on.
    mutating func failStream(
        _ stream: UInt32, _ code: HTTP2ErrorCode, _ out: inout ByteBuffer, _ now: MonotonicTime
    ) -> Event? {
        // A stream that never was cannot be reset (RFC 9113 §6.4).
        guard !isIdle(stream) else { return end(code, "a frame that is not allowed on an idle stream", &out) }
        out.writeReset(stream: stream, code)
        noteReset(now)
        guard let place = table.slot(of: stream) else {
            table.remember(stream, isReset: true)
            return nil
        }
        table.close(place, isReset: true)
        return .reset(place: place, code)
    }
}
