import NIOCore
package import UsherCaching
import UsherHTTP
internal import UsherQuotas

/// Writing answers of a cache as frames.
extension HTTP2Stream {
    package func sendStored(_ head: StoredHead, _ status: CacheStatus, edits: HeadEdits, body: Range<Int>) {
        guard self.isOpen, !self.answerIsStarted else { return }
        self.answerIsStarted = true
        self.answerHasBody = head.hasBody
        let security = edits.decidesTransportSecurity ? [] : self.listener.transportSecurityLine
        let dropped = security.isEmpty ? HeaderSet() : HeaderSet().with(.strictTransportSecurity)
        var lines = self.loop.writeBuffers.take()
        lines.writeHead(reserving: head.lines.count + StoredHead.ownBytes + 64) { writer in
            head.copyLines(to: &writer, dropping: dropped, edits.removedNames)
            head.write(to: &writer)
            status.write(to: &writer)
        }
        self.beginAnswer()
        self.writeBlock { out in
            ResponseTranslation.write(status: head.status, to: &out)
            ResponseTranslation.write(lines: lines, to: &out)
            if let (high, low) = edits.requestID {
                ResponseTranslation.write(.xRequestID, "x-request-id", hexadecimal: high, low, to: &out)
            }
            self.writeOwnFields(security, edits.addedLines, edits.rateLimit, to: &out)
        }
        self.loop.writeBuffers.giveBack(lines)
        self.countRequest()
        if !body.isEmpty { self.sendBody(ByteBuffer(bytes: head.bytes[body])) }
    }
}
