import NIOCore
package import UsherHTTP
internal import UsherQuotas

/// Tunnels: what a connection becomes when the replica agrees to switch protocols (RFC 9110 §7.8), a WebSocket mostly.
///
/// Either side's close ends both: what was received from it is sent on first, and nothing is taken from the other any
/// more. A client that closes only its half is not waited for, because a tunnel whose one half is silent cannot be told
/// from a dead one. A tunnel holds no buffer while it is silent; the handler's time-out for silence bounds it.
extension HTTP1ServerConnection {
    package func sendUpgrade(_ head: ResponseHead, edits: HeadEdits) {
        guard self.phase == .answering, !self.answerIsStarted, let upgrade = head.upgrade else { return self.abort() }
        self.answerIsStarted = true
        self.answerFraming = .untilClose
        self.closesAfterAnswer = true
        self.phase = .tunnel
        let storage = head.bytes
        let dropped = edits.rateLimit == nil ? Self.framingFields : Self.framingFields.with(.rateLimit)
        self.append { out in
            out.writeHead(reserving: storage.readableBytes + Self.ownBytes + (edits.rateLimit?.count ?? 0)) { writer in
                let bytes = storage.readableBytesUInt8Span
                Self.writeStatusLine(head, bytes, to: &writer)
                head.copyFields(
                    to: &writer, of: bytes, dropping: dropped, droppingNames: edits.removedNames)
                edits.writeRequestID(to: &writer)
                edits.rateLimit?.write(to: &writer)
                writer.write("Connection: Upgrade\r\nUpgrade: ")
                writer.write(upgrade, of: bytes)
                writer.write(edits.addedLines == nil ? "\r\n\r\n" : "\r\n")
            }
            if let lines = edits.addedLines {
                out.writeImmutableBuffer(lines)
                out.writeStaticString("\r\n")
            }
        }
        self.answerOffset = -1
        // What came behind the request was held, because only now it is known what it is.
        self.resumeInput()
    }

    /// Hands on everything that is there.
    func passOn(_ input: inout ByteBuffer) -> Bool {
        guard let data = input.readSlice(length: input.readableBytes) else { return false }
        self.handler?.requestBody(data)
        return true
    }
}
