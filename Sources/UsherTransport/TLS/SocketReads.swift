import NIOCore

/// Stands in front of a TLS handler: gives the loop its read buffers back, which that one only looks through, and notes
/// whether there may be more to read.
///
/// Confinement: the channel's event loop.
final class SocketReads: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let loop: LoopContext
    /// The last read filled its buffer, so that the kernel may hold more.
    private(set) var mayHoldMore = false

    init(_ loop: LoopContext) {
        self.loop = loop
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let input = self.unwrapInboundIn(data)
        self.mayHoldMore = input.writableBytes == 0
        context.fireChannelRead(data)
        self.loop.receiveBuffers.giveBack(input)
    }
}
