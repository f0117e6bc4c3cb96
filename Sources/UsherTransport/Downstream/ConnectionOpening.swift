import NIOCore
import NIOSSL
import NIOTLS
import UsherCore
import UsherHTTP

/// A client's connection before it speaks HTTP: its PROXY header and its TLS handshake, where the listener wants them.
///
/// Phase       | Meaning                                                     | Left when
/// ------------|-------------------------------------------------------------|--------------------------------------
/// proxyHeader | the header of a proxy in front is read                      | it is complete
/// clientHello | the first TLS message is read: it decides the certificate   | it is complete
/// handshake   | the TLS handler in front of this one is at work             | it is done
/// over        | somebody else has taken over, or the connection is closing  | never
///
/// Confinement: the channel's event loop.
final class ConnectionOpening: ServerConnection, ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase { case proxyHeader, clientHello, handshake, over }

    private let configuration: Listener.Configuration
    private var phase: Phase
    private var peer: Peer
    private var proxyHeader = ProxyHeaderReader()
    /// What was received of the first TLS message.
    private var received = ByteBuffer()
    private var unknownName: String?
    private var socketEnd: SocketEnd?
    private var context: ChannelHandlerContext?

    init(
        loop: LoopContext, configuration: Listener.Configuration, peer: Peer, acceptor: any RequestAcceptor,
        listener: ListenerRules
    ) {
        self.configuration = configuration
        self.peer = peer
        self.phase = configuration.proxyProtocol ? .proxyHeader : .clientHello
        super.init(loop: loop, limits: configuration.limits, acceptor: acceptor, listener: listener)
    }

    /// Nothing is under way that could be lost.
    override func drain() { self.abort() }

    override func abort() {
        self.phase = .over
        self.context?.close(promise: nil)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.loop.cancel(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.enter()
        self.allow(self.limits.headTime)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.phase == .clientHello && self.received.readableBytes > 0 { self.report(.aborted) }
        self.phase = .over
        self.acceptor.connectionClosed(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch self.phase {
        case .handshake: self.report(HandshakeOutcome(error))
        case .clientHello where self.received.readableBytes > 0: self.report(.aborted)
        case .proxyHeader, .clientHello, .over: break
        }
        self.phase = .over
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        switch self.phase {
        case .proxyHeader:
            self.readProxyHeader(&input)
            if self.phase == .clientHello && input.readableBytes > 0 { self.readHello(&input) }
        case .clientHello:
            self.readHello(&input)
        case .handshake, .over:
            // The handshake's end comes before its first byte; closing may bring what the kernel still had.
            break
        }
        self.loop.receiveBuffers.giveBack(input)
    }

    override func timerFired(now: MonotonicTime) {
        switch self.phase {
        case .proxyHeader: self.acceptor.connectionRefused(.badProxyHeader)
        case .clientHello, .handshake: self.report(.timedOut)
        case .over: break
        }
        self.abort()
    }

    private func allow(_ time: UInt64) {
        self.loop.schedule(self, after: time, now: self.loop.now)
    }

    // MARK: PROXY

    private func readProxyHeader(_ input: inout ByteBuffer) {
        switch self.proxyHeader.take(&input) {
        case .needsMore:
            break
        case .malformed:
            // Closed without an answer: this peer speaks something else, or came the wrong way.
            self.acceptor.connectionRefused(.badProxyHeader)
            self.abort()
        case .complete(let header):
            if case .proxied(let source, let destination) = header {
                self.peer = Peer(
                    address: source, destination: destination, trusted: self.configuration.trustedProxies)
                guard self.configuration.admits(self.peer) else {
                    self.acceptor.connectionRefused(.denied)
                    return self.abort()
                }
            }
            guard self.configuration.certificates == nil else {
                self.phase = .clientHello
                self.allow(self.limits.headTime)
                return
            }
            self.handOver(.http1, rest: input)
            input = ByteBuffer()
        }
    }

    // MARK: TLS

    private func readHello(_ input: inout ByteBuffer) {
        if self.received.readableBytes == 0 { swap(&self.received, &input) } else { self.received.writeBuffer(&input) }
        switch ClientHelloReader.read(self.received) {
        case .needsMore:
            break
        case .plaintext:
            self.report(.plaintext)
            self.refusePlaintext()
        case .malformed(let reason):
            self.report(.failed(reason))
            self.refuse(.decodeError)
        case .complete(let hello):
            if let offered = hello.applicationProtocols, !offered.contains(where: ALPN.ours.contains) {
                self.report(.noProtocol)
                self.refuse(.noApplicationProtocol)
            } else {
                self.shakeHands(hello)
            }
        }
    }

    /// Puts the TLS handler in front and lets it read what came so far.
    private func shakeHands(_ hello: ClientHello) {
        guard let context = self.context, let certificates = self.configuration.certificates else {
            return self.abort()
        }
        let (certificate, isNamed) = certificates.choose(hello)
        self.unknownName = isNamed ? nil : hello.serverName
        self.phase = .handshake
        let pipeline = context.pipeline.syncOperations
        let end = SocketEnd(self.loop)
        self.socketEnd = end
        do {
            try pipeline.addHandlers(
                [end, TLSHandlers.server(certificate.context(for: hello))], position: .before(self))
        } catch {
            // Only a pipeline that is going away takes no handlers.
            return self.abort()
        }
        var received = ByteBuffer()
        swap(&received, &self.received)
        pipeline.fireChannelRead(NIOAny(received))
        pipeline.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let negotiated) = event as? TLSUserEvent, self.phase == .handshake else {
            return context.fireUserInboundEventTriggered(event)
        }
        do {
            self.peer = Peer(self.peer, securedBy: try TLSHandlers.peer(of: context.pipeline))
        } catch {
            if error is StaleSession { self.configuration.certificates?.noteStaleSession() }
            self.report(.failed("\(error)"))
            return self.abort()
        }
        self.report(.completed(unknownName: self.unknownName))
        if self.peer.tls?.version == .tls13 { self.acknowledge(context) }
        self.handOver(negotiated == ALPN.http2 ? .http2 : .http1)
    }

    /// In TLS 1.3 the client speaks last, and a client with Nagle's algorithm sends no request before that has been
    /// acknowledged. There is nothing to send yet that could do so.
    private func acknowledge(_ context: ChannelHandlerContext) {
        // A Unix socket knows no such option, and needs none.
        try? context.channel.syncOptions?.setOption(Listener.quickAcknowledgement, value: 1)
    }

    // MARK: The end

    private enum Successor { case http1, http2 }

    /// - Parameter rest: what was received behind our part.
    private func handOver(_ kind: Successor, rest: ByteBuffer? = nil) {
        self.phase = .over
        guard let context = self.context else { return }
        switch kind {
        case .http1:
            let connection = HTTP1ServerConnection(
                loop: self.loop, limits: self.limits, peer: self.peer, acceptor: self.acceptor,
                listener: self.listener, predecessor: self)
            connection.socketEnd = self.socketEnd
            self.handOver(to: connection, in: context, rest: rest)
        case .http2:
            let connection = HTTP2ServerConnection(
                loop: self.loop, limits: self.limits, peer: self.peer, acceptor: self.acceptor,
                listener: self.listener, predecessor: self)
            self.handOver(to: connection, in: context, rest: rest)
        }
    }

    private func report(_ outcome: HandshakeOutcome) {
        self.acceptor.handshakeEnded(outcome, with: self.peer)
    }

    /// A browser or a tool that forgot the `s` of `https` learns what is wrong; others read nothing out of it.
    private func refusePlaintext() {
        let text = "this port speaks TLS: use https:// instead of http://\n"
        let answer =
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
            + "\(text.utf8.count)\r\nConnection: close\r\n\r\n\(text)"
        self.refuse(ByteBuffer(string: answer))
    }

    /// A fatal alert in the clear (RFC 8446 §6.2), which is how handshakes are refused before there are keys.
    private func refuse(_ alert: Alert) {
        // A record of type alert, TLS 1.2's version, two bytes: fatal, and which one.
        self.refuse(ByteBuffer(bytes: [21, 3, 3, 0, 2, 2, alert.rawValue]))
    }

    /// `AlertDescription` (RFC 8446 §6).
    private enum Alert: UInt8 {
        case decodeError = 50
        case noApplicationProtocol = 120
    }

    /// Sends the last words, then listens a moment, so that a reset does not overtake them.
    private func refuse(_ bytes: ByteBuffer) {
        self.phase = .over
        guard let context = self.context else { return }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
        context.close(mode: .output, promise: nil)
        self.allow(self.limits.linger)
    }
}
