import NIOCore
import NIOPosix
import UsherCore
import UsherTestKit
import UsherTransport

/// A name server that does with each query exactly what a test's script says, over UDP and TCP on one port.
final class LyingServer: Sendable {
    struct Query: Sendable {
        var bytes: [UInt8]
        var isStream: Bool
        /// The port that the query came from.
        var port: Int

        var identifier: Int { Int(self.bytes[0]) << 8 | Int(self.bytes[1]) }
        /// Whether it has an OPT record.
        var isExtended: Bool { self.bytes[11] == 1 }
        /// As written in the query, with the final zero.
        private var nameEnd: Int { (self.bytes.dropFirst(12).firstIndex(of: 0) ?? 12) + 1 }
        var type: Int { Int(self.bytes[self.nameEnd]) << 8 | Int(self.bytes[self.nameEnd + 1]) }
        var name: String {
            var labels: [String] = []
            var index = 12
            while self.bytes[index] > 0 {
                let end = index + 1 + Int(self.bytes[index])
                labels.append(String(decoding: self.bytes[(index + 1)..<end], as: UTF8.self))
                index = end
            }
            return labels.joined(separator: ".")
        }

        /// A message that answers this query.
        func answer(
            flags: Int = 0x8180, _ answers: [[UInt8]] = [], additional: [[UInt8]] = [], counts: [Int]? = nil
        ) -> [UInt8] {
            DNSWire.answer(
                identifier: self.identifier, flags: flags, name: self.name, type: self.type, answers,
                additional: additional, counts: counts)
        }
    }

    enum Step: Sendable {
        /// Over TCP with the length before it.
        case send([UInt8])
        /// Over TCP without.
        case sendBare([UInt8])
        /// Over UDP from another port.
        case sendFromElsewhere([UInt8])
        case close
    }

    typealias Script = @Sendable (Query) -> [Step]

    let queries = Journal<Query>()
    /// One entry for each TCP connection that has ended.
    let ends = Journal<Void>()
    let server: DNSServer
    private let channels: [any Channel]

    private init(
        on loop: any EventLoop, host: String, streams: Bool, script: @escaping Script
    ) async throws {
        let address = try SocketAddress(ipAddress: host, port: 0)
        let elsewhere = try await DatagramBootstrap(group: loop).bind(to: address).get()
        let (queries, ends) = (self.queries, self.ends)
        let datagrams = try await DatagramBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = DatagramHandler(queries, script, elsewhere: elsewhere)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(to: address).get()
        let port = datagrams.localAddress?.port ?? 0
        var channels = [elsewhere, datagrams]
        if streams {
            do {
                let bootstrap = ServerBootstrap(group: loop).childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(StreamHandler(queries, ends, script))
                    }
                }
                channels.append(try await bootstrap.bind(host: host, port: port).get())
            } catch {
                for channel in channels { try? await channel.close().get() }
                throw error
            }
        }
        self.channels = channels
        self.server = DNSServer(IPAddress(text: host) ?? IPAddress(v4: 0x7F00_0001), port: port)
    }

    /// - Parameter streams: whether it listens on TCP at all.
    static func start(
        host: String = "127.0.0.1", streams: Bool = true, script: @escaping Script
    ) async throws -> LyingServer {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        // The port that UDP got may be somebody else's for TCP.
        for _ in 0..<20 {
            do {
                return try await LyingServer(on: loop, host: host, streams: streams, script: script)
            } catch is IOError {
                continue
            }
        }
        return try await LyingServer(on: loop, host: host, streams: streams, script: script)
    }

    /// Answers each question with the records under "NAME TYPE", and with no records when there are none.
    static func zone(_ records: [String: [[UInt8]]]) async throws -> LyingServer {
        try await self.start { query in
            let answers = records["\(query.name) \(query.type)"] ?? []
            let answer = query.answer(answers)
            guard answer.count > DNSMessage.datagramMax, !query.isStream else { return [.send(answer)] }
            return [.send(query.answer(flags: 0x8380))]
        }
    }

    func stop() async {
        for channel in self.channels { try? await channel.close().get() }
    }

    private final class DatagramHandler: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>

        private let queries: Journal<Query>
        private let script: Script
        private let elsewhere: any Channel

        init(_ queries: Journal<Query>, _ script: @escaping Script, elsewhere: any Channel) {
            self.queries = queries
            self.script = script
            self.elsewhere = elsewhere
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = self.unwrapInboundIn(data)
            let peer = envelope.remoteAddress
            let query = Query(bytes: Array(envelope.data.readableBytesView), isStream: false, port: peer.port ?? 0)
            self.queries.note(query)
            for step in self.script(query) {
                switch step {
                case .send(let bytes), .sendBare(let bytes):
                    let answer = AddressedEnvelope(remoteAddress: peer, data: ByteBuffer(bytes: bytes))
                    context.writeAndFlush(self.wrapOutboundOut(answer), promise: nil)
                case .sendFromElsewhere(let bytes):
                    let answer = AddressedEnvelope(remoteAddress: peer, data: ByteBuffer(bytes: bytes))
                    self.elsewhere.writeAndFlush(answer, promise: nil)
                case .close:
                    break
                }
            }
        }
    }

    private final class StreamHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let queries: Journal<Query>
        private let ends: Journal<Void>
        private let script: Script
        private var received = ByteBuffer()

        init(_ queries: Journal<Query>, _ ends: Journal<Void>, _ script: @escaping Script) {
            self.queries = queries
            self.ends = ends
            self.script = script
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.received.writeImmutableBuffer(self.unwrapInboundIn(data))
            guard let message = self.received.readLengthPrefixedSlice(as: UInt16.self) else { return }
            let query = Query(
                bytes: Array(message.readableBytesView), isStream: true, port: context.remoteAddress?.port ?? 0)
            self.queries.note(query)
            for step in self.script(query) {
                switch step {
                case .send(let bytes):
                    let framed = ByteBuffer(bytes: DNSWire.number(bytes.count) + bytes)
                    context.writeAndFlush(self.wrapOutboundOut(framed), promise: nil)
                case .sendBare(let bytes):
                    context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
                case .sendFromElsewhere:
                    break
                case .close:
                    context.close(promise: nil)
                }
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.ends.note(())
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
