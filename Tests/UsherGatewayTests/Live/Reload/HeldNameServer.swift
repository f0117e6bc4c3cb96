import NIOCore
import NIOPosix
import UsherCore
import UsherTestKit

/// A name server that knows one IPv4 address for every name, and tells it when the test lets it.
final class HeldNameServer: Sendable {
    private let channel: any Channel
    private let release: Signal

    private init(_ channel: any Channel, _ release: Signal) {
        self.channel = channel
        self.release = release
    }

    static func start() async throws -> HeldNameServer {
        let release = Signal()
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answerer(release))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return HeldNameServer(channel, release)
    }

    /// As the configuration has it.
    var address: String { "127.0.0.1:\(self.channel.localAddress?.port ?? 0)" }

    /// Answers every query, those that came before and those that will.
    func letGo() { self.release.fire() }

    func stop() async { try? await self.channel.close().get() }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>

        private let release: Signal

        init(_ release: Signal) { self.release = release }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let query = self.unwrapInboundIn(data)
            let (channel, release) = (context.channel, self.release)
            let answer = AddressedEnvelope(
                remoteAddress: query.remoteAddress, data: Self.answer(to: Array(query.data.readableBytesView)))
            Task {
                try await release.wait()
                try await channel.writeAndFlush(answer)
            }
        }

        /// The question comes back as it is; 127.0.0.1 when it asks for IPv4 addresses, else no records.
        private static func answer(to query: [UInt8]) -> ByteBuffer {
            let nameEnd = query.dropFirst(12).firstIndex(of: 0) ?? 12
            let asksForIPv4 = query[nameEnd + 2] == 1
            var answer = Array(query.prefix(2)) + [0x81, 0x80, 0, 1, 0, asksForIPv4 ? 1 : 0, 0, 0, 0, 0]
            answer += query[12...(nameEnd + 4)]
            if asksForIPv4 { answer += [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1] }
            return ByteBuffer(bytes: answer)
        }
    }
}
