import NIOCore
import NIOPosix
public import NIOSSL
import Synchronization
public import UsherCore

/// A server that does on each connection exactly what a test's script says, and remembers every byte it got.
///
///     let upstream = try await ScriptedUpstream.start { peer in
///         _ = try await peer.receiveRequest()
///         try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
///     }
///
/// The connection closes when its script returns or throws. `stop` ends everything.
public final class ScriptedUpstream: Sendable {
    public typealias Script = @Sendable (RawConnection) async throws -> Void

    /// Where a server of a test listens; the system chooses the port.
    public enum Place: Sendable {
        case ipv4, ipv6
        case unix(path: String)
    }

    public let address: ReplicaAddress
    /// Every connection that was accepted, in order.
    public let connections: Journal<RawConnection>
    private let channel: any Channel
    private let tasks: Tasks

    private final class Tasks: Sendable {
        let all = Mutex<[Task<Void, Never>]>([])
    }

    private init(
        _ address: ReplicaAddress, _ channel: any Channel, _ connections: Journal<RawConnection>, _ tasks: Tasks
    ) {
        self.address = address
        self.channel = channel
        self.connections = connections
        self.tasks = tasks
    }

    /// 0 for a unix socket.
    public var port: Int { self.channel.localAddress?.port ?? 0 }

    /// The exact bytes that arrived, connection by connection.
    public var received: [String] { self.connections.entries.map(\.received) }

    /// - Parameters:
    ///   - receiveBuffer: bytes that the kernel holds for a script that reads slowly; nil: the system's choice.
    ///   - tls: what the server shows to its clients; nil: it speaks in the clear.
    public static func start(
        at place: Place = .ipv4, receiveBuffer: Int? = nil, tls: NIOSSLContext? = nil, script: @escaping Script
    ) async throws -> ScriptedUpstream {
        let connections = Journal<RawConnection>()
        let tasks = Tasks()
        var bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: tls == nil)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try Self.accept(channel, connections, tasks, script)
                }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.serverChannelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        let channel = try await bootstrap.bind(to: Self.socketAddress(place)).get()
        let port = channel.localAddress?.port ?? 0
        let address: ReplicaAddress =
            switch place {
            case .ipv4: .ip(IPAddress(v4: 0x7f00_0001), port: port)
            case .ipv6: .ip(IPAddress(text: "::1") ?? IPAddress(v4: 0x7f00_0001), port: port)
            case .unix(let path): .unix(path: path)
            }
        return ScriptedUpstream(address, channel, connections, tasks)
    }

    /// A server that gives every request the same answer, and keeps its connections open.
    public static func answering(
        _ answer: String = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", at place: Place = .ipv4
    ) async throws -> ScriptedUpstream {
        try await self.start(at: place) { peer in
            while try await peer.receiveRequest() != nil { try await peer.send(answer) }
        }
    }

    /// Takes no more connections and ends those that are there.
    public func stop() async {
        try? await self.channel.close().get()
        for connection in self.connections.entries { await connection.close() }
        for task in self.tasks.all.withLock({ $0 }) {
            task.cancel()
            await task.value
        }
    }

    /// Takes no more connections; those that are there go on.
    public func stopListening() async {
        try? await self.channel.close().get()
    }

    private static func accept(
        _ channel: any Channel, _ connections: Journal<RawConnection>, _ tasks: Tasks, _ script: @escaping Script
    ) throws {
        let placeholder = NIOLoopBoundBox<RawConnection?>(nil, eventLoop: channel.eventLoop)
        let inbox = Inbox {
            guard let connection = placeholder.value else { return }
            placeholder.value = nil
            connections.note(connection)
            let task = Task {
                try? await script(connection)
                await connection.close()
            }
            tasks.all.withLock { $0.append(task) }
        }
        placeholder.value = RawConnection(channel, NIOLoopBound(inbox, eventLoop: channel.eventLoop))
        try channel.pipeline.syncOperations.addHandler(inbox)
    }

    private static func socketAddress(_ place: Place) throws -> SocketAddress {
        switch place {
        case .ipv4: try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        case .ipv6: try SocketAddress(ipAddress: "::1", port: 0)
        case .unix(let path): try SocketAddress(unixDomainSocketPath: path)
        }
    }
}
