internal import NIOCore
internal import UsherHTTP

/// What the peer of an HTTP/2 connection says (RFC 9113 §6).
extension HTTP2Connection {
    func take(_ head: ClientFrame.Head, _ payload: inout ByteBuffer) {
        guard self.openBlock == nil || (head.type == .continuation && head.stream == self.openBlock?.stream) else {
            return self.end(.malformed, "a header block that is interrupted")
        }
        guard self.phase != .opening || head.type == .settings else {
            return self.end(.malformed, "the server does not speak HTTP/2")
        }
        switch head.type {
        case .data: self.takeData(head, &payload)
        case .headers: self.takeHeaders(head, &payload)
        case .continuation: self.takeContinuation(head, payload)
        case .settings: self.takeSettings(head, &payload)
        case .resetStream: self.takeReset(head, &payload)
        case .goAway: self.takeGoAway(&payload)
        case .windowUpdate: self.takeWindowUpdate(head, &payload)
        case .ping where head.flags & ClientFrame.acknowledgement == 0:
            self.output.writeFrameHead(
                .ping, flags: ClientFrame.acknowledgement, stream: 0, length: payload.readableBytes)
            self.output.writeImmutableBuffer(payload)
        case .pushPromise: self.end(.malformed, "a push that nobody allowed")
        case .priority, .ping, nil: break
        }
    }

    private func index(of stream: UInt32) -> Int? {
        self.streams.firstIndex { $0.id == stream }
    }

    // MARK: Answers

    private func takeHeaders(_ head: ClientFrame.Head, _ payload: inout ByteBuffer) {
        guard let content = Self.content(head, &payload) else {
            return self.end(.malformed, "a HEADERS frame that is cut short")
        }
        guard head.flags & ClientFrame.endHeaders != 0 else {
            self.openBlock = (head.stream, head.flags, content)
            return
        }
        self.takeBlock(head.stream, head.flags, content)
    }

    private func takeContinuation(_ head: ClientFrame.Head, _ payload: ByteBuffer) {
        guard var block = self.openBlock.take() else {
            return self.end(.malformed, "a continuation of nothing")
        }
        block.bytes.writeImmutableBuffer(payload)
        // No honest head is larger, and a peer must not fill our memory.
        guard block.bytes.readableBytes <= 1 << 18 else { return self.end(.malformed, "a head without an end") }
        if head.flags & ClientFrame.endHeaders == 0 {
            self.openBlock = block
        } else {
            self.takeBlock(block.stream, block.flags, block.bytes)
        }
    }

    private func takeBlock(_ stream: UInt32, _ flags: UInt8, _ bytes: ByteBuffer) {
        guard self.fields.read(bytes.readableBytesUInt8Span) else {
            return self.end(.malformed, "a header block that cannot be read")
        }
        guard let index = self.index(of: stream) else { return }
        self.streams[index].received += ClientFrame.headCount + bytes.readableBytes
        if self.streams[index].status == 0 {
            guard let status = self.fields.status else {
                return self.fail(index, .malformed, "an answer without a status")
            }
            // Interim answers are followed by another head (RFC 9110 §15.2).
            if status >= 200 {
                self.streams[index].status = status
                var outcome: CacheOutcome?
                self.fields.forEach(named: "cache-status") { outcome = outcome ?? CacheOutcome(cacheStatus: $0) }
                self.streams[index].cache = outcome
            }
        }
        if flags & ClientFrame.endStream != 0 { self.finish(index) }
    }

    private func takeData(_ head: ClientFrame.Head, _ payload: inout ByteBuffer) {
        self.uncredited += head.length
        if self.uncredited >= Self.connectionWindow / 2 {
            self.output.writeWindowUpdate(stream: 0, self.uncredited)
            self.uncredited = 0
        }
        guard let index = self.index(of: head.stream) else { return }
        guard Self.content(head, &payload) != nil, self.streams[index].status != 0 else {
            return self.fail(index, .malformed, "DATA that does not belong to an answer")
        }
        self.streams[index].received += ClientFrame.headCount + head.length
        if head.flags & ClientFrame.endStream != 0 { return self.finish(index) }
        self.streams[index].uncredited += head.length
        if self.streams[index].uncredited >= Self.streamWindow / 2 {
            self.output.writeWindowUpdate(stream: head.stream, self.streams[index].uncredited)
            self.streams[index].uncredited = 0
        }
    }

    /// A payload without padding and priority; nil when it is shorter than it says.
    private static func content(_ head: ClientFrame.Head, _ payload: inout ByteBuffer) -> ByteBuffer? {
        var padding = 0
        if head.flags & ClientFrame.padded != 0 {
            guard let count = payload.readInteger(as: UInt8.self) else { return nil }
            padding = Int(count)
        }
        if head.type == .headers, head.flags & ClientFrame.priorityFlag != 0 {
            guard payload.readSlice(length: 5) != nil else { return nil }
        }
        guard padding <= payload.readableBytes else { return nil }
        return payload.readSlice(length: payload.readableBytes - padding)
    }

    private func finish(_ index: Int) {
        let stream = self.streams[index]
        guard stream.status != 0 else { return self.fail(index, .malformed, "an answer without a status") }
        let now = LoadWorker.now
        self.streams.remove(at: index)
        if let body = self.requests.body, stream.bodySent < body.readableBytes {
            // 8: CANCEL. The server has answered without the rest of the request.
            self.output.writeReset(stream: stream.id, code: 8)
        }
        self.worker.answered(
            stream.attempt, status: stream.status, bytes: stream.received, cache: stream.cache, now: now)
        self.afterEnd(now: now)
    }

    private func fail(_ index: Int, _ failure: LoadFailure, _ reason: String) {
        let stream = self.streams.remove(at: index)
        let now = LoadWorker.now
        if failure == .malformed {
            // 1: PROTOCOL_ERROR.
            self.output.writeReset(stream: stream.id, code: 1)
        }
        self.worker.failed(stream.attempt, failure, reason, now: now)
        self.afterEnd(now: now)
    }

    // MARK: The connection

    private func takeSettings(_ head: ClientFrame.Head, _ payload: inout ByteBuffer) {
        guard head.flags & ClientFrame.acknowledgement == 0 else { return }
        while let (name, value) = payload.readMultipleIntegers(as: (UInt16, UInt32).self) {
            switch name {
            case 3: self.peerStreamsMax = Int(value)
            case 4:
                guard value <= 0x7FFF_FFFF else { return self.end(.malformed, "a window beyond all bounds") }
                let change = Int(value) - self.peerStreamWindow
                self.peerStreamWindow = Int(value)
                for index in self.streams.indices { self.streams[index].sendWindow += change }
            default: break
            }
        }
        self.output.writeFrameHead(.settings, flags: ClientFrame.acknowledgement, stream: 0, length: 0)
        if self.phase == .opening {
            self.phase = .open
            self.worker.opened(self.slot, self)
        } else {
            self.sendBodies()
            self.afterEnd(now: LoadWorker.now)
        }
    }

    private func takeWindowUpdate(_ head: ClientFrame.Head, _ payload: inout ByteBuffer) {
        guard let increment = payload.readInteger(as: UInt32.self), increment & 0x7FFF_FFFF > 0 else {
            return self.end(.malformed, "a window that grows by nothing")
        }
        let count = Int(increment & 0x7FFF_FFFF)
        if head.stream == 0 {
            self.sendWindow += count
            self.sendBodies()
        } else if let index = self.index(of: head.stream) {
            self.streams[index].sendWindow += count
            self.sendBody(index)
        }
    }

    private func sendBodies() {
        guard self.requests.body != nil else { return }
        for index in self.streams.indices { self.sendBody(index) }
    }

    private func takeReset(_ head: ClientFrame.Head, _ payload: inout ByteBuffer) {
        guard let index = self.index(of: head.stream) else { return }
        let code = payload.readInteger(as: UInt32.self) ?? 0
        self.fail(index, .reset, "the server reset the stream, code \(code)")
    }

    /// The peer takes no more requests; those that it has not looked at go elsewhere.
    private func takeGoAway(_ payload: inout ByteBuffer) {
        guard let (last, code) = payload.readMultipleIntegers(as: (UInt32, UInt32).self) else {
            return self.end(.malformed, "a GOAWAY frame that is cut short")
        }
        guard code == 0 else { return self.end(.reset, "the server ended the connection, code \(code)") }
        if self.phase == .open { self.phase = .draining }
        let unseen = self.streams.filter { $0.id > last & 0x7FFF_FFFF }
        self.streams.removeAll { $0.id > last & 0x7FFF_FFFF }
        for stream in unseen { self.worker.giveBack(stream.attempt) }
        self.afterEnd(now: LoadWorker.now)
    }
}
