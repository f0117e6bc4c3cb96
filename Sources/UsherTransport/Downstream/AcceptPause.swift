import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Stops accepting for a moment when the machine has no file descriptor or memory left for another connection.
///
/// The socket stays readable all the while, so that only taking it out of the loop's interest keeps us from asking the
/// kernel again without pause.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    /// How long nobody is accepted. 250 ms.
    static let duration = TimeAmount.milliseconds(250)

    private let onPause: () -> Void
    private var isPaused = false

    init(onPause: @escaping () -> Void) {
        self.onPause = onPause
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else {
            // An accepted connection that was gone again, or one that a limit closed: no reason to stop.
            return
        }
        guard !self.isPaused, let options = context.channel.syncOptions else { return }
        self.isPaused = true
        self.onPause()
        try? options.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.duration) {
            self.isPaused = false
            try? options.setOption(.autoRead, value: true)
        }
    }
}
