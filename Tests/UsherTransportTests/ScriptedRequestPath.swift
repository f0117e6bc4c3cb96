import NIOCore
import UsherCore
import UsherHTTP
import UsherTransport

/// Stands for the request's path behind a client connection: notes what it is told, answers with what it got.
final class ScriptedRequestPath: RequestAcceptor {
    /// What happens with a request that has arrived whole.
    enum Behaviour {
        case echo
        /// Keeps the exchange open; the test ends it.
        case wait
        /// Answers as soon as the head is there.
        case answerAtOnce
        /// Takes no more of the body than its first piece.
        case pause
    }

    var behaviour = Behaviour.echo
    var notes: [String] = []
    /// What arrives of a body counts as kept until there is an answer.
    var keepsBodies = false
    var exchanges: [Exchange] = []
    var open = 0

    func requestArrived(on downstream: any Downstream) -> any DownstreamHandler {
        let exchange = Exchange(downstream, self)
        self.exchanges.append(exchange)
        return exchange
    }

    func requestRefused(_ refusal: Refusal, on downstream: any Downstream) {
        self.notes.append("refused \(refusal.status)")
    }

    func connectionOpened(_ connection: ServerConnection) { self.open += 1 }
    func connection(_ connection: ServerConnection, becomes other: ServerConnection) {
        self.notes.append("becomes \(type(of: other))")
    }
    func connectionClosed(_ connection: ServerConnection) { self.open -= 1 }
    func connectionRefused(_ admission: ConnectionCounts.Admission) { self.notes.append("refused \(admission)") }
    func handshakeEnded(_ outcome: HandshakeOutcome, with peer: Peer) { self.notes.append("handshake \(outcome)") }
    func http2Failed(_ reason: StaticReason, with peer: Peer) { self.notes.append("failed: \(reason)") }

    final class Exchange: DownstreamHandler {
        let downstream: any Downstream
        private let path: ScriptedRequestPath
        private(set) var body = ByteBuffer()
        private var target = ""
        private var isAnswered = false

        init(_ downstream: any Downstream, _ path: ScriptedRequestPath) {
            self.downstream = downstream
            self.path = path
        }

        func begin() {
            let head = self.downstream.head
            var text = ByteBuffer()
            head.copy(head.methodSlice, to: &text)
            text.writeString(" ")
            head.copy(head.target, to: &text)
            self.target = String(buffer: text)
            self.path.notes.append(self.target)
            if self.path.behaviour == .answerAtOnce { self.answer("at once") }
        }

        var keptBytes: Int { self.path.keepsBodies && !self.isAnswered ? self.body.readableBytes : 0 }

        func requestBody(_ data: ByteBuffer) {
            self.body.writeImmutableBuffer(data)
            if self.path.behaviour == .pause { self.downstream.pauseBody() }
        }

        func requestEnd(_ trailers: Trailers?) {
            if self.path.behaviour == .echo { self.answer("\(self.target) \(String(buffer: self.body))") }
        }

        func answer(_ text: String) {
            self.downstream.answer(LocalAnswer(status: 200, body: ByteBuffer(string: text)))
        }

        /// Passes a replica's head on, the way it came.
        func pass(_ head: String, body: String = "", edits: HeadEdits = HeadEdits()) {
            self.isAnswered = true
            let answer = ResponseHead()
            var input = ByteBuffer(string: head)
            guard answer.parse(&input, requestMethod: .get, limits: HeadLimits()) == .complete else { return }
            if answer.status == 101 {
                self.downstream.sendUpgrade(answer, edits: edits)
            } else {
                self.downstream.sendHead(answer, edits: edits)
            }
            self.downstream.sendBody(ByteBuffer(string: body))
        }

        func requestReadComplete() {}
        func downstreamIsWritable() { self.path.notes.append("writable") }
        func downstreamClosed(_ reason: DownstreamEnd) {
            if case .tunnelClosed = reason {
                self.path.notes.append("tunnel closed")
            } else {
                self.path.notes.append("closed \(self.target)")
            }
        }
        func exchangeEnded() { self.path.notes.append("ended \(self.target)") }
    }
}
