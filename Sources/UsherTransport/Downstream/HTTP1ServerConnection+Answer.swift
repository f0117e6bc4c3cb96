package import NIOCore
internal import UsherCaching
package import UsherHTTP
internal import UsherQuotas

/// Writing answers: heads and small bodies gather in one buffer, so that they leave in one system call.
extension HTTP1ServerConnection {
    /// Fields of a replica's answer that are written anew or belong to the other connection.
    static var framingFields: HeaderSet { HeaderSet().with(.contentLength).with(.usher) }
    /// Hop-by-hop fields never pass on anyway; `Usher-*` is ours to say.
    private static var connectionFields: HeaderSet { HeaderSet().with(.usher) }
    /// A body up to this many bytes is copied behind what already waits instead of costing a second write.
    private static let copiedBodyMax = 8192

    /// Room for the lines of a head that are our own.
    static let ownBytes = 320

    package func sendInformational(_ head: ResponseHead) {
        // HTTP/1.0 knows no interim answers (RFC 9110 §15.2).
        guard self.head.version == .http11, !self.answerIsStarted else { return }
        let storage = head.bytes
        self.append { out in
            out.writeHead(reserving: storage.readableBytes + Self.ownBytes) { writer in
                let bytes = storage.readableBytesUInt8Span
                Self.writeStatusLine(head, bytes, to: &writer)
                head.copyFields(to: &writer, of: bytes, dropping: Self.framingFields, droppingNames: [])
                writer.write("\r\n")
            }
        }
        if head.status == 100 { self.bodyWasAskedFor() }
    }

    package func sendHead(_ head: ResponseHead, edits: HeadEdits) {
        self.answerIsStarted = true
        self.answerOffset = self.out?.writerIndex ?? 0
        self.answerFraming = self.framing(of: head)
        if self.answerFraming == .untilClose || (self.phase == .body && !self.canDiscardBody) {
            self.closesAfterAnswer = true
        }
        let keepsLength = head.status != 204 && head.framing != .chunked && head.framing != .untilClose
        var dropped = keepsLength ? Self.connectionFields : Self.framingFields
        let security = edits.decidesTransportSecurity ? [] : self.listener.transportSecurityLine
        if !security.isEmpty { dropped.insert(.strictTransportSecurity) }
        if edits.rateLimit != nil { dropped.insert(.rateLimit) }
        let room = Self.ownBytes + (edits.rateLimit?.count ?? 0)
        let ending = self.headEnding
        let isChunked = self.answerFraming == .chunked
        let storage = head.bytes
        let date = head.known.contains(.date) ? [] : self.loop.dateLine
        self.append { out in
            out.writeHead(reserving: storage.readableBytes + room) { writer in
                let bytes = storage.readableBytesUInt8Span
                Self.writeStatusLine(head, bytes, to: &writer)
                head.copyFields(to: &writer, of: bytes, dropping: dropped, droppingNames: edits.removedNames)
                writer.write(date)
                writer.write(security)
                edits.writeRequestID(to: &writer)
                edits.rateLimit?.write(to: &writer)
                edits.cacheStatus?.write(to: &writer)
                if isChunked { writer.write("Transfer-Encoding: chunked\r\n") }
                if edits.addedLines == nil { writer.write(ending) }
            }
            if let lines = edits.addedLines {
                out.writeImmutableBuffer(lines)
                out.writeStaticString(ending)
            }
        }
    }

    package func sendBody(_ data: ByteBuffer) {
        guard self.phase != .closing, data.readableBytes > 0, self.answerFraming != .none else { return }
        if self.answerFraming == .chunked {
            self.append { BodyWriter.writeChunkHead(data.readableBytes, to: &$0) }
        }
        if data.readableBytes <= Self.copiedBodyMax {
            self.append { out in out.writeImmutableBuffer(data) }
        } else {
            self.writeOut()
            self.bytesSent += data.readableBytes
            self.hasUnflushed = true
            self.context?.write(self.wrapOutboundOut(data), promise: nil)
        }
        if self.answerFraming == .chunked { self.append { _ = $0.writeStaticString("\r\n") } }
    }

    package func sendEnd(_ trailers: Trailers?) {
        guard self.phase != .closing else { return }
        if self.answerFraming == .chunked { self.append { BodyWriter.writeLastChunk(trailers: trailers, to: &$0) } }
        self.answerIsComplete()
    }

    package func answer(_ answer: LocalAnswer) {
        if self.answerIsStarted {
            guard self.answerCanBeReplaced else { return self.abort() }
            self.takeAnswerBack()
        }
        self.answerIsStarted = true
        if answer.closes || (self.phase == .body && !self.canDiscardBody) { self.closesAfterAnswer = true }
        let date = self.loop.dateLine
        let security = answer.decidesTransportSecurity ? [] : self.listener.transportSecurityLine
        let ending = self.headEnding
        self.append { out in
            out.writeHead(reserving: 2 * Self.ownBytes + (answer.rateLimit?.count ?? 0)) { writer in
                writer.write("HTTP/1.1 ")
                writer.write(decimal: answer.status)
                writer.write(" ")
                writer.write(StatusText.reason(answer.status))
                writer.write("\r\n")
                writer.write(date)
                writer.write(security)
                answer.rateLimit?.write(to: &writer)
                Self.writeContentLines(answer, to: &writer)
                if answer.addedLines == nil { writer.write(ending) }
            }
            if let lines = answer.addedLines {
                out.writeImmutableBuffer(lines)
                out.writeStaticString(ending)
            }
        }
        let hasBody = self.head.method != .head && answer.status != 204 && answer.status != 304
        if hasBody { self.append { out in out.writeImmutableBuffer(answer.body) } }
        self.answerIsComplete()
        self.flush()
    }

    package func flush() {
        guard let context = self.context else { return }
        if let out = self.out {
            self.out = nil
            self.answerOffset = -1
            context.writeAndFlush(self.wrapOutboundOut(out), promise: nil)
            self.loop.writeBuffers.giveBack(out)
        } else if self.hasUnflushed {
            context.flush()
        }
        self.hasUnflushed = false
    }

    // MARK: Taking an answer back

    package var answerCanBeReplaced: Bool {
        self.answerIsStarted && self.answerOffset >= 0 && (self.phase == .body || self.phase == .answering)
    }

    /// Forgets what was written of an answer; interim answers and earlier exchanges' answers before it stay.
    private func takeAnswerBack() {
        if var out = self.out.take() {
            self.bytesSent -= out.writerIndex - self.answerOffset
            out.moveWriterIndex(to: self.answerOffset)
            self.out = out
        }
        self.answerOffset = -1
        self.closesAfterAnswer = self.isDraining || !self.head.keepAlive
    }

    // MARK: Pieces of a head

    private func framing(of head: ResponseHead) -> BodyFraming {
        switch head.framing {
        case .none, .length: return head.framing
        case .chunked, .untilClose: return self.head.version == .http11 ? .chunked : .untilClose
        }
    }

    /// The replica's own reason phrase passes on, behind our own version (RFC 9110 §2.5).
    static func writeStatusLine(_ head: ResponseHead, _ bytes: Span<UInt8>, to writer: inout HeadWriter) {
        writer.write("HTTP/1.1 ")
        writer.write(decimal: head.status)
        writer.write(" ")
        writer.write(head.reason, of: bytes)
        writer.write("\r\n")
    }

    private static func writeContentLines(_ answer: LocalAnswer, to writer: inout HeadWriter) {
        guard answer.status != 204 && answer.status != 304 else { return }
        writer.write("Content-Length: ")
        writer.write(decimal: answer.body.readableBytes)
        writer.write("\r\n")
        guard answer.body.readableBytes > 0 else { return }
        writer.write("Content-Type: ")
        writer.write(answer.contentType)
        writer.write("\r\n")
    }

    /// The last lines of a head: whether the connection goes on.
    var headEnding: StaticString {
        if self.closesAfterAnswer { return "Connection: close\r\n\r\n" }
        return self.requestHead?.version == .http10 ? "Connection: keep-alive\r\n\r\n" : "\r\n"
    }

    // MARK: The gathering buffer

    @inline(__always)
    func append(_ body: (inout ByteBuffer) -> Void) {
        var out = self.out.take() ?? self.loop.writeBuffers.take()
        let before = out.writerIndex
        body(&out)
        self.bytesSent += out.writerIndex - before
        self.out = out
    }

    /// Moves what was gathered to the channel, without flushing.
    private func writeOut() {
        guard let out = self.out.take() else { return }
        self.answerOffset = -1
        self.hasUnflushed = true
        self.context?.write(self.wrapOutboundOut(out), promise: nil)
        self.loop.writeBuffers.giveBack(out)
    }
}
