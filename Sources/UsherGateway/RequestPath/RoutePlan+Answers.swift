import NIOCore
import UsherCore
import UsherHTTP
import UsherTransport

extension RoutePlan {
    /// Why this route does not take the request; nil when it does.
    func refusal(of head: RequestHead) -> PathRefusal? {
        switch head.method {
        case .connect: return .connectRefused
        case .trace: return .traceRefused
        default: break
        }
        if head.hasEncodedSlash && !self.passesEncodedSlashes { return .encodedSlash }
        if let bodyMax = self.bodyMax, case .length(let length) = head.framing, length > bodyMax {
            return .bodyTooLarge
        }
        return nil
    }

    /// Why this route does not take requests of this caller; nil when it does.
    func refusal(of caller: Caller) -> PathRefusal? {
        guard let classes = self.classes, !classes.contains(caller.callerClass) else { return nil }
        return caller.isAnonymous ? .identityNeeded : .classNotEnough
    }

    /// The route's own answer of a fixed status and text.
    func response(status: Int, body: ByteBuffer, _ downstream: any Downstream, _ caller: Caller) -> LocalAnswer {
        var answer = LocalAnswer(status: status, body: body, addedLines: self.addedLines(downstream, caller))
        answer.decidesTransportSecurity = self.answerEdits.decidesTransportSecurity
        return answer
    }

    /// A redirection to the route's target.
    func redirection(
        to target: Template, status: Int, _ downstream: any Downstream, _ caller: Caller
    ) -> LocalAnswer {
        var location: [UInt8] = []
        target.render(into: &location, from: self.source(downstream, caller))
        var lines = self.addedLines(downstream, caller) ?? ByteBuffer()
        lines.writeStaticString("Location: ")
        lines.writeBytes(location.lazy.map { $0 <= 0x20 || $0 == 0x7f ? UInt8(ascii: "+") : $0 })
        lines.writeStaticString("\r\n")
        var answer = LocalAnswer(status: status, body: ByteBuffer(), addedLines: lines)
        answer.decidesTransportSecurity = self.answerEdits.decidesTransportSecurity
        return answer
    }

    /// The edits of a replica's answer.
    func answerHeadEdits(_ downstream: any Downstream, _ caller: Caller) -> HeadEdits {
        var edits = HeadEdits()
        edits.removedNames = self.answerEdits.droppedNames
        edits.addedLines = self.addedLines(downstream, caller)
        edits.decidesTransportSecurity = self.answerEdits.decidesTransportSecurity
        return edits
    }

    private func source(_ downstream: any Downstream, _ caller: Caller) -> RequestSource {
        RequestSource(downstream.head, peer: downstream.peer, caller: caller, plan: self)
    }

    private func addedLines(_ downstream: any Downstream, _ caller: Caller) -> ByteBuffer? {
        if self.answerEdits.isEmpty { return nil }
        if let lines = self.answerEdits.constantLines { return lines }
        var lines = ByteBuffer()
        self.answerEdits.write(to: &lines, from: self.source(downstream, caller))
        return lines
    }
}
