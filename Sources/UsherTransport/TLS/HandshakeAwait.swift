import NIOCore
import NIOTLS
import UsherCore

/// Waits for the end of a client's TLS handshake, looks at the server's certificate, and goes away.
final class HandshakeAwait: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let tls: UpstreamTLS
    private let address: ReplicaAddress
    private let promise: EventLoopPromise<Void>
    private var isDone = false

    init(_ tls: UpstreamTLS, to address: ReplicaAddress, _ promise: EventLoopPromise<Void>) {
        self.tls = tls
        self.address = address
        self.promise = promise
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        do {
            try self.tls.checkName(context.pipeline, of: self.address)
        } catch {
            return self.errorCaught(context: context, error: error)
        }
        self.isDone = true
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        self.promise.succeed(())
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    private func fail(_ error: any Error) {
        guard !self.isDone else { return }
        self.isDone = true
        self.promise.fail(error)
    }
}
