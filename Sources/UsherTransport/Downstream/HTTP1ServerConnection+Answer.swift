package import NIOCore
package import UsherHTTP

/// Writing answers: heads and small bodies gather in one buffer, so that they leave in one system call.
extension HTTP1ServerConnection {
    /// Fields of a replica's answer that are written anew or belong to the other connection.
    private static let framingFields: HeaderSet = [.connection, .transferEncoding, .contentLength]
    private static let connectionFields: HeaderSet = [.connection, .transferEncoding]
    /// A body up to this many bytes is copied behind what already waits instead of costing a second write.
    private static let copiedBodyMax = 8192

    package func sendInformational(_ head: ResponseHead) {
        // HTTP/1.0 knows no interim answers (RFC 9110 §15.2).
        guard self.head.version == .http11, !self.answerIsStarted else { return }
        self.writeStatusLine(head)
        self.append { head.copyFields(to: &$0, dropping: Self.framingFields, droppingNames: []) }
        self.append { _ = $0.writeStaticString("\r\n") }
    }

    package func sendHead(_ head: ResponseHead, edits: HeadEdits) {
        self.answerIsStarted = true
        self.answerFraming = self.framing(of: head)
        if self.answerFraming == .untilClose || (self.phase == .body && !self.canDiscardBody) {
            self.closesAfterAnswer = true
        }
        self.writeStatusLine(head)
        let keepsLength = head.status != 204 && head.framing != .chunked && head.framing != .untilClose
        let dropped = keepsLength ? Self.connectionFields : Self.framingFields
        self.append { out in
            head.copyFields(to: &out, dropping: dropped, droppingNames: edits.removedNames)
            if let lines = edits.addedLines { out.writeImmutableBuffer(lines) }
            if self.answerFraming == .chunked { out.writeStaticString("Transfer-Encoding: chunked\r\n") }
        }
        if head.slice(of: .date) == nil { self.append { self.loop.writeDateLine(to: &$0) } }
        self.writeConnectionLine()
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
        self.answerIsStarted = true
        if answer.closes || (self.phase == .body && !self.canDiscardBody) { self.closesAfterAnswer = true }
        self.append { out in
            out.writeStaticString("HTTP/1.1 ")
            StatusText.write(answer.status, to: &out)
            out.writeStaticString("\r\n")
        }
        self.append { self.loop.writeDateLine(to: &$0) }
        self.append { out in
            if answer.status != 204 && answer.status != 304 {
                out.writeStaticString("Content-Length: ")
                DecimalText.write(answer.body.readableBytes, to: &out)
                out.writeStaticString("\r\n")
                if answer.body.readableBytes > 0 {
                    out.writeStaticString("Content-Type: ")
                    out.writeStaticString(answer.contentType)
                    out.writeStaticString("\r\n")
                }
            }
            if let lines = answer.addedLines { out.writeImmutableBuffer(lines) }
        }
        self.writeConnectionLine()
        let hasBody = self.head.method != .head && answer.status != 204 && answer.status != 304
        if hasBody { self.append { out in out.writeImmutableBuffer(answer.body) } }
        self.answerIsComplete()
        self.flush()
    }

    package func flush() {
        guard let context = self.context else { return }
        if let out = self.out {
            self.out = nil
            context.writeAndFlush(self.wrapOutboundOut(out), promise: nil)
            self.loop.writeBuffers.giveBack(out)
        } else if self.hasUnflushed {
            context.flush()
        }
        self.hasUnflushed = false
    }

    // MARK: Pieces of a head

    private func framing(of head: ResponseHead) -> BodyFraming {
        switch head.framing {
        case .none, .length: return head.framing
        case .chunked, .untilClose: return self.head.version == .http11 ? .chunked : .untilClose
        }
    }

    private func writeStatusLine(_ head: ResponseHead) {
        self.append { out in
            // The replica's own reason phrase passes on, behind our own version (RFC 9110 §2.5).
            out.writeStaticString("HTTP/1.1 ")
            DecimalText.write(head.status, to: &out)
            out.writeStaticString(" ")
            head.copy(head.reason, to: &out)
            out.writeStaticString("\r\n")
        }
    }

    /// The last lines of a head: whether the connection goes on.
    private func writeConnectionLine() {
        let closes = self.closesAfterAnswer
        let isOld = self.requestHead?.version == .http10
        self.append { out in
            if closes {
                out.writeStaticString("Connection: close\r\n\r\n")
            } else if isOld {
                out.writeStaticString("Connection: keep-alive\r\n\r\n")
            } else {
                out.writeStaticString("\r\n")
            }
        }
    }

    // MARK: The gathering buffer

    @inline(__always)
    private func append(_ body: (inout ByteBuffer) -> Void) {
        var out = self.out.take() ?? self.loop.writeBuffers.take()
        let before = out.writerIndex
        body(&out)
        self.bytesSent += out.writerIndex - before
        self.out = out
    }

    /// Moves what was gathered to the channel, without flushing.
    private func writeOut() {
        guard let out = self.out.take() else { return }
        self.hasUnflushed = true
        self.context?.write(self.wrapOutboundOut(out), promise: nil)
        self.loop.writeBuffers.giveBack(out)
    }
}
