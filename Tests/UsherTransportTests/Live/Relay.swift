import NIOCore
import NIOPosix
import Synchronization
import UsherCore
import UsherHTTP
import UsherTestKit

@testable import UsherTransport

/// The least that can stand between a listener and one replica: passes requests, answers and tunnels on.
///
/// Confinement: its event loop; `@unchecked Sendable` so that tests can hop there.
final class Relay: RequestAcceptor, UpstreamPoolOwner, @unchecked Sendable {
    let loop: LoopContext
    private(set) var pool: UpstreamPool?
    private(set) var connections: [ServerConnection] = []
    /// Everything that tests wait for.
    let notes = Journal<String>()
    /// Whether each connection sends at once what it is given.
    let isWithoutDelay = Journal<Bool>()
    /// Bytes that the test says it got on the other side: see `peakHeld`.
    let delivered = Atomic<Int>(0)
    private let peak = Atomic<Int>(0)
    /// Fired when one side was told to wait.
    let clientWaits = Signal()
    let replicaWaits = Signal()
    /// `timeouts.idle`, in nanoseconds.
    var idle: UInt64 = 60_000_000_000

    /// The most bytes that were ever between the two sides: ours, and the kernel's behind us.
    var peakHeld: Int { self.peak.load(ordering: .relaxed) }

    init(_ loop: LoopContext) {
        self.loop = loop
    }

    /// Passes everything on to this replica.
    static func start(to address: ReplicaAddress, idle: Duration = .seconds(60)) async throws -> Relay {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        return try await eventLoop.submit {
            let relay = Relay(LoopContext(eventLoop: eventLoop))
            relay.idle = idle.nanosecondsClamped
            let configuration = UpstreamPool.Configuration(
                connectionsMax: 4, keep: 60_000_000_000, connectTimeout: .seconds(5), headLimits: HeadLimits())
            relay.pool = UpstreamPool(address, configuration, loop: relay.loop, owner: relay)
            return relay
        }.get()
    }

    /// Opens a listener on a port of the system's choice.
    func listen(_ change: (inout Listener.Configuration) -> Void = { _ in }) async throws -> BoundListener {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        var configuration = Listener.Configuration()
        change(&configuration)
        return try await self.loop.eventLoop.flatSubmit { [configuration] in
            Listener.bind(
                configuration, to: address, id: Self.listenerID, on: self.loop, counts: ConnectionCounts(.init()),
                acceptor: self)
        }.get()
    }

    private static let listenerID = 3

    func onLoop<Value: Sendable>(_ body: @escaping @Sendable (Relay) -> Value) async throws -> Value {
        try await self.loop.eventLoop.submit { body(self) }.get()
    }

    func stop(_ listener: BoundListener? = nil) async throws {
        try await listener?.close().get()
        try await self.onLoop { relay in
            for connection in relay.connections { connection.abort() }
            relay.pool?.remove()
        }
    }

    /// Forgets the pool, as a service that left the configuration does.
    func dropPool() { self.pool = nil }

    /// One side was read up to here.
    func took(_ total: Int) {
        self.peak.max(total - self.delivered.load(ordering: .relaxed), ordering: .relaxed)
    }

    // MARK: RequestAcceptor

    func requestArrived(on downstream: any Downstream) -> any DownstreamHandler {
        RelayExchange(self, downstream)
    }

    func requestRefused(_ refusal: Refusal, on downstream: any Downstream) {
        self.notes.note("refused \(refusal.status)")
    }

    func connectionOpened(_ connection: ServerConnection) {
        self.connections.append(connection)
        if let connection = connection as? HTTP1ServerConnection { self.note(connection) }
    }

    func connection(_ connection: ServerConnection, becomes other: ServerConnection) {
        self.connections.removeAll { $0 === connection }
        self.connectionOpened(other)
    }

    private func note(_ connection: HTTP1ServerConnection) {
        let peer = connection.peer
        let addresses = [peer.address, peer.destination].map { $0.map { "\($0)" } ?? "none" }.joined(separator: " to ")
        self.notes.note("opened at \(connection.listener.id) from \(addresses)")
        let options = connection.context?.channel.syncOptions
        self.isWithoutDelay.note((try? options?.getOption(.tcpOption(.tcp_nodelay))) == 1)
    }

    func connectionRefused(_ admission: ConnectionCounts.Admission) { self.notes.note("refused \(admission)") }
    func handshakeEnded(_ outcome: HandshakeOutcome, with peer: Peer) { self.notes.note("handshake \(outcome)") }
    func http2Failed(_ reason: StaticReason, with peer: Peer) { self.notes.note("failed: \(reason)") }

    func connectionClosed(_ connection: ServerConnection) {
        self.connections.removeAll { $0 === connection }
        self.notes.note("client gone")
    }

    // MARK: UpstreamPoolOwner

    func poolHasRoom(_ pool: UpstreamPool) { self.notes.note("room") }

    func pool(_ pool: UpstreamPool, connectionIsUp isUp: Bool) {
        self.notes.note(isUp ? "replica up" : "replica gone")
    }

    func pool(_ pool: UpstreamPool, receivedUnaskedBytes count: Int) {
        self.notes.note("unasked \(count)")
    }
}

/// One request on its way through a relay.
final class RelayExchange: DownstreamHandler, UpstreamHandler {
    let wouldTryAnother = true
    let keptBytes = 0
    private let relay: Relay
    private let downstream: any Downstream
    private var upstream: UpstreamConnection?
    private var isTunnel = false
    private var isAnswering = false

    init(_ relay: Relay, _ downstream: any Downstream) {
        self.relay = relay
        self.downstream = downstream
    }

    func begin() {}

    func requestBody(_ data: ByteBuffer) {
        self.relay.took(self.downstream.bytesReceived)
        self.upstream?.sendBody(data)
        guard let upstream = self.upstream, !upstream.isWritable else { return }
        self.downstream.pauseBody()
        self.relay.clientWaits.fire()
    }

    func requestEnd(_ trailers: Trailers?) {
        guard let pool = self.relay.pool else { return }
        switch pool.acquire(now: self.relay.loop.now) {
        case .use(let connection):
            self.send(on: connection)
        case .connect(let id):
            pool.connect(id) { result in
                switch result {
                case .success(let connection): self.send(on: connection)
                case .failure(let failure): self.upstreamFailed(failure)
                }
            }
        case .full:
            self.downstream.answer(LocalAnswer(status: 503, body: ByteBuffer(string: "full")))
        }
    }

    private func send(on connection: UpstreamConnection) {
        self.upstream = connection
        let head = self.downstream.head
        var out = ByteBuffer(string: "GET \(head.string(head.target)) HTTP/1.1\r\nHost: replica\r\n")
        head.copyFields(to: &out, dropping: [.host])
        if let upgrade = head.upgrade {
            out.writeString("Connection: Upgrade\r\nUpgrade: \(head.string(upgrade))\r\n")
        }
        out.writeString("\r\n")
        connection.send(
            out, nil, method: head.method, isWhole: true, wantsUpgrade: head.upgrade != nil,
            deadlines: .init(response: 30_000_000_000, idle: self.relay.idle, total: .max), now: self.relay.loop.now,
            handler: self)
    }

    func requestReadComplete() { self.upstream?.flush() }
    func downstreamIsWritable() { self.upstream?.resumeReading() }
    func exchangeEnded() {
        self.relay.notes.note(self.isTunnel ? "tunnel ended" : "answered")
        self.upstream = nil
    }

    func downstreamClosed(_ reason: DownstreamEnd) {
        switch reason {
        case .tunnelClosed:
            self.relay.notes.note("client closed its tunnel")
            self.upstream?.closeWhenSent()
        case .aborted, .timedOut, .overloaded, .refused:
            self.relay.notes.note("client \(reason)")
            self.upstream?.cancel()
        }
        self.upstream = nil
    }

    func upstreamInformational(_ head: ResponseHead) { self.downstream.sendInformational(head) }

    func upstreamHead(_ head: ResponseHead) {
        self.isAnswering = true
        self.downstream.sendHead(head, edits: HeadEdits())
    }

    func upstreamUpgraded(_ head: ResponseHead) {
        self.isTunnel = true
        self.isAnswering = true
        self.downstream.sendUpgrade(head, edits: HeadEdits())
    }

    func upstreamBody(_ data: ByteBuffer) {
        if let upstream = self.upstream { self.relay.took(upstream.bytesReceived) }
        self.downstream.sendBody(data)
        guard !self.downstream.isWritable else { return }
        self.upstream?.pauseReading()
        self.relay.replicaWaits.fire()
    }

    func upstreamReadComplete() { self.downstream.flush() }
    func upstreamIsWritable() { self.downstream.resumeBody() }

    func upstreamEnded(_ trailers: Trailers?) {
        self.upstream = nil
        self.downstream.sendEnd(trailers)
        self.downstream.flush()
    }

    func upstreamFailed(_ failure: UpstreamFailure) {
        self.upstream = nil
        self.relay.notes.note("failed \(failure.kind)")
        if self.isTunnel {
            self.downstream.sendEnd(nil)
        } else if !self.isAnswering || self.downstream.answerCanBeReplaced {
            self.downstream.answer(LocalAnswer(status: 502, body: ByteBuffer(string: "bad")))
        } else {
            self.downstream.abort()
        }
    }
}
