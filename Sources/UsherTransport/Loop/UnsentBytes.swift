import NIOCore

extension ChannelHandlerContext {
    /// Bytes that were handed to the channel and that its socket has not taken.
    var unsentBytes: Int { (try? self.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }
}
