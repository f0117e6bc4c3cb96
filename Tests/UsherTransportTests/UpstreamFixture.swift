import NIOCore
import NIOEmbedded
import UsherCore
import UsherHTTP
import UsherTransport

/// Notes what an upstream connection tells of one try.
final class UpstreamNotes: UpstreamHandler {
    let wouldTryAnother = true
    private var head = ""
    private var body = ""
    private var end = ""
    private var interim: [Int] = []

    /// The interim answers, the head, the body and the end.
    var all: String { "\(self.interim) \(self.head) [\(self.body)] \(self.end)" }

    func upstreamInformational(_ head: ResponseHead) { self.interim.append(head.status) }
    func upstreamHead(_ head: ResponseHead) { self.head += "\(head.status)" }
    func upstreamUpgraded(_ head: ResponseHead) {
        self.head += " to \(head.upgrade.map { head.string($0) } ?? "nothing")"
    }
    func upstreamBody(_ data: ByteBuffer) { self.body += String(buffer: data) }
    func upstreamEnded(_ trailers: Trailers?) { self.end += "ended\(trailers == nil ? "" : " with trailers")" }
    func upstreamReadComplete() {}
    func upstreamIsWritable() {}
    func upstreamFailed(_ failure: UpstreamFailure) { self.end += "\(failure.kind)" }
}

/// One upstream connection in a channel without a socket.
struct UpstreamFixture {
    let channel = EmbeddedChannel()
    let connection: UpstreamConnection
    let notes = UpstreamNotes()
    private let pool: UpstreamPool
    private let loop: LoopContext
    private static let minute: UInt64 = 60_000_000_000

    init() throws {
        self.loop = LoopContext(eventLoop: self.channel.embeddedEventLoop)
        self.pool = UpstreamPool(
            .unix(path: "/none"),
            .init(connectionsMax: 1, keep: Self.minute, connectTimeout: .seconds(1), headLimits: HeadLimits()),
            loop: self.loop)
        guard case .connect(let id) = self.pool.acquire(now: self.loop.now) else { throw ChannelError.alreadyClosed }
        self.connection = UpstreamConnection(
            id: id, loop: self.loop, address: self.pool.address, headLimits: HeadLimits(), pool: self.pool)
        try self.channel.pipeline.syncOperations.addHandler(self.connection)
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func send(method: UsherHTTP.Method = .get, wantsUpgrade: Bool = false) throws {
        self.connection.send(
            ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"), nil, method: method, isWhole: true,
            wantsUpgrade: wantsUpgrade, deadlines: .init(response: Self.minute, idle: Self.minute, total: .max),
            now: self.loop.now, handler: self.notes)
    }

    func receive(_ bytes: some Sequence<UInt8>) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: bytes))
    }
}
