import NIOCore
import UsherHTTP

/// HTTP/2 in the clear: its preface comes where a request's head would.
extension HTTP1ServerConnection {
    /// Looks at a connection's first bytes; false when this is not, or may not be, the one to read them.
    func isHTTP1(_ input: inout ByteBuffer) -> Bool {
        let isFirst = self.undecidedInput == nil
        if var earlier = self.undecidedInput.take() {
            earlier.writeBuffer(&input)
            input = earlier
        }
        switch HTTP2Machine.preface(input) {
        case .no:
            self.mayBeHTTP2 = false
            return true
        case .possible:
            // `P` alone may be the beginning of a POST, too.
            self.undecidedInput = ByteBuffer(input.readableBytesView)
            // From the first byte, so that sending one at a time gains nothing.
            if isFirst { self.loop.schedule(self, after: self.limits.headTime, now: self.loop.now) }
            return false
        case .whole:
            self.becomeHTTP2(input)
            return false
        }
    }

    /// The client speaks HTTP/2 by prior knowledge (RFC 9113 §3.3).
    private func becomeHTTP2(_ input: ByteBuffer) {
        guard let context = self.context else { return }
        self.phase = .closing
        self.loop.cancel(self)
        self.giveHeadBack()
        self.context = nil
        let successor = HTTP2ServerConnection(
            loop: self.loop, limits: self.limits, peer: self.peer, acceptor: self.acceptor, listener: self.listener,
            predecessor: self)
        self.handOver(to: successor, in: context, rest: input)
    }
}
