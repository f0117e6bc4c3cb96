import NIOCore
public import NIOSSL
import NIOTLS

/// Opens connections of a test's client that speak TLS.
public enum RawTLSClient {
    /// What a handshake came to.
    public struct Secured: Sendable {
        /// What is sent and received is inside TLS.
        public let connection: RawConnection
        /// What the server chose of the protocols that were offered.
        public let applicationProtocol: String?
        public let certificate: NIOSSLCertificate?
        public let version: TLSVersion?
    }

    /// Returns when the handshake is over.
    ///
    /// - Parameters:
    ///   - name: the host that is asked for; nil: none.
    ///   - head: bytes in the clear that go before the handshake, such as a PROXY header.
    /// - Throws: what TLS says of a handshake that fails, or `TestKitError.ended` when the server leaves in silence.
    public static func connect(
        port: Int, name: String? = nil, _ configuration: TLSConfiguration, head: String = ""
    ) async throws -> Secured {
        let connection = try await RawClient.connect(port: port)
        if !head.isEmpty { try await connection.send(head) }
        do {
            return try await self.secure(connection, name: name, NIOSSLContext(configuration: configuration))
        } catch {
            await connection.close()
            throw error
        }
    }

    private static func secure(
        _ connection: RawConnection, name: String?, _ context: NIOSSLContext
    ) async throws -> Secured {
        let channel = connection.channel
        let done = channel.eventLoop.makePromise(of: String?.self)
        let timer = channel.eventLoop.scheduleTask(in: TimeAmount(RawConnection.limit)) {
            done.fail(TestKitError.timedOut("awaited the end of the TLS handshake"))
        }
        defer { timer.cancel() }
        // The handshake is read by itself; what comes behind it waits to be asked for, as ever.
        try await channel.setOption(.autoRead, value: true).get()
        try await channel.setOption(.allowRemoteHalfClosure, value: false).get()
        try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let last = HandshakeEnd(done)
            try pipeline.addHandler(last, position: .first)
            try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: name), position: .first)
        }.get()
        let applicationProtocol = try await done.futureResult.get()
        try await channel.setOption(.autoRead, value: false).get()
        return try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            return Secured(
                connection: connection, applicationProtocol: applicationProtocol,
                certificate: try pipeline.nioSSL_peerCertificate(), version: try pipeline.nioSSL_tlsVersion())
        }.get()
    }
}

/// Tells how a handshake ended.
private final class HandshakeEnd: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let done: EventLoopPromise<String?>
    private var isDone = false

    init(_ done: EventLoopPromise<String?>) {
        self.done = done
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let chosen)? = event as? TLSUserEvent {
            self.isDone = true
            self.done.succeed(chosen)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(error)
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(TestKitError.ended("in the middle of the TLS handshake"))
        context.fireChannelInactive()
    }

    private func fail(_ error: any Error) {
        guard !self.isDone else { return }
        self.isDone = true
        self.done.fail(error)
    }
}
