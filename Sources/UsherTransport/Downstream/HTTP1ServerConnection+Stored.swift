import NIOCore
package import UsherCaching
import UsherHTTP
internal import UsherQuotas

/// Writing answers of a cache.
extension HTTP1ServerConnection {
    package func sendStored(_ head: StoredHead, _ status: CacheStatus, edits: HeadEdits, body: Range<Int>) {
        self.answerIsStarted = true
        self.answerOffset = self.out?.writerIndex ?? 0
        if let length = head.length {
            self.answerFraming = head.hasBody ? .length(length) : .none
        } else {
            self.answerFraming = !head.hasBody ? .none : self.head.version == .http11 ? .chunked : .untilClose
        }
        if self.answerFraming == .untilClose || (self.phase == .body && !self.canDiscardBody) {
            self.closesAfterAnswer = true
        }
        var dropped = HeaderSet()
        let security = edits.decidesTransportSecurity ? [] : self.listener.transportSecurityLine
        if !security.isEmpty { dropped.insert(.strictTransportSecurity) }
        let ending = self.headEnding
        let isChunked = self.answerFraming == .chunked
        let room = Self.ownBytes + StoredHead.ownBytes + (edits.rateLimit?.count ?? 0) + head.lines.count + body.count
        self.append { out in
            out.writeHead(reserving: room) { writer in
                writer.write("HTTP/1.1 ")
                writer.write(decimal: head.status)
                writer.write(" ")
                writer.write(StatusText.reason(head.status))
                writer.write("\r\n")
                head.copyLines(to: &writer, dropping: dropped, edits.removedNames)
                writer.write(security)
                edits.writeRequestID(to: &writer)
                edits.rateLimit?.write(to: &writer)
                head.write(to: &writer)
                status.write(to: &writer)
                if isChunked { writer.write("Transfer-Encoding: chunked\r\n") }
                guard edits.addedLines == nil else { return }
                writer.write(ending)
                writer.write(head.bytes.span, body)
            }
            if let lines = edits.addedLines {
                out.writeImmutableBuffer(lines)
                out.writeStaticString(ending)
                out.writeBytes(head.bytes[body])
            }
        }
    }
}
