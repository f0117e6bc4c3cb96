public import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One end of a connection in a test: sends exact bytes, and reads what comes, each step with a time limit.
///
/// It reads only while somebody waits for bytes, so a test that asks for none is a slow reader. One task at a time
/// may receive; everybody may send.
public final class RawConnection: Sendable {
    /// After which every step throws `TestKitError.timedOut`. 30 s: tests run on busy machines.
    public static let limit = Duration.seconds(30)
    /// Of what arrives, the record keeps this many bytes. 1 MiB.
    static let recordMax = 1 << 20

    private struct State {
        var unread = ByteBuffer()
        var record = ByteBuffer()
        var end: ConnectionEnd?
    }

    let channel: any Channel
    private let inbox: NIOLoopBound<Inbox>
    private let state = Mutex(State())

    init(_ channel: any Channel, _ inbox: NIOLoopBound<Inbox>) {
        self.channel = channel
        self.inbox = inbox
    }

    /// Every byte that arrived, in order, up to 1 MiB.
    public var received: String { self.state.withLock { String(buffer: $0.record) } }

    /// The port of this end; 0 for a unix socket.
    public var localPort: Int { self.channel.localAddress?.port ?? 0 }

    // MARK: Sending

    public func send(_ text: String) async throws {
        try await self.send(ByteBuffer(string: text))
    }

    /// Returns when the operating system has taken the bytes.
    public func send(_ bytes: ByteBuffer) async throws {
        let promise = self.channel.eventLoop.makePromise(of: Void.self)
        self.channel.writeAndFlush(bytes, promise: promise)
        try await self.limited(promise, "sending \(bytes.readableBytes) bytes")
    }

    /// Sends a byte at a time, each in a segment of its own as far as the operating system allows.
    public func sendByteByByte(_ text: String) async throws {
        for byte in text.utf8 { try await self.send(ByteBuffer(bytes: [byte])) }
    }

    /// Sends as much as the other side takes, in the background; for a peer that may close or stop reading meanwhile.
    public func sendInBackground(_ bytes: ByteBuffer) {
        self.channel.writeAndFlush(bytes, promise: nil)
    }

    // MARK: Receiving

    /// The next bytes, as many as there are; nil when the peer has closed.
    ///
    /// - Throws: `TestKitError.ended` after a reset.
    public func receive() async throws -> ByteBuffer? {
        if let bytes = self.takeUnread() { return bytes }
        guard try await self.fetch("more bytes") else {
            if self.end == .reset { throw TestKitError.ended("reset after \(self.tail)") }
            return nil
        }
        return self.takeUnread()
    }

    /// Exactly this many bytes.
    public func receive(count: Int) async throws -> ByteBuffer {
        while true {
            if let bytes = self.state.withLock({ $0.unread.readSlice(length: count) }) { return bytes }
            try await self.fetchMore("\(count) bytes")
        }
    }

    /// Everything up to and with the marker.
    public func receive(through marker: String) async throws -> String {
        let marker = Array(marker.utf8)
        var searched = 0
        while true {
            let found: String? = self.state.withLock { state in
                let view = state.unread.readableBytesView
                guard view.count >= marker.count else { return nil }
                let start = max(0, searched - marker.count)
                searched = view.count
                for index in start...(view.count - marker.count)
                where view.dropFirst(index).prefix(marker.count).elementsEqual(marker) {
                    return state.unread.readString(length: index + marker.count)
                }
                return nil
            }
            if let found { return found }
            try await self.fetchMore("\(String(decoding: marker, as: UTF8.self).debugDescription)")
        }
    }

    /// Everything until the peer closes.
    public func receiveUntilEnd() async throws -> ByteBuffer {
        var all = ByteBuffer()
        while var bytes = try await self.receive() { all.writeBuffer(&bytes) }
        return all
    }

    /// Throws away what still comes, until the connection ends; returns how.
    @discardableResult
    public func waitForEnd() async throws -> ConnectionEnd {
        _ = self.takeUnread()
        while try await self.fetch("the connection's end") { _ = self.takeUnread() }
        return self.end ?? .closed
    }

    // MARK: Ending

    /// Closes this end's half: nothing more will be sent, what comes can still be read.
    public func finishSending() async throws {
        try await self.channel.close(mode: .output).get()
    }

    /// Closes in order. Closing twice is fine.
    public func close() async {
        // Inside TLS the end is an exchange: the peer's last word has to be read.
        try? await self.channel.setOption(.autoRead, value: true).get()
        try? await self.channel.close().get()
    }

    /// Closes the socket without the end of TLS.
    public func cut() async throws {
        let channel = self.channel
        try await channel.eventLoop.submit {
            channel._channelCore.close0(error: ChannelError.eof, mode: .all, promise: nil)
        }.get()
    }

    /// Closes with a reset, as a process that is killed with unread bytes does.
    public func reset() async {
        if let options = self.channel as? any SocketOptionProvider {
            // Lingering for no time at all is how a socket is told to reset.
            try? await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        await self.close()
    }

    // MARK: Steps

    private var end: ConnectionEnd? { self.state.withLock { $0.end } }

    /// What a message about a failed step says of the bytes before it.
    private var tail: String { String(self.received.suffix(300)).debugDescription }

    /// Makes bytes that were received the next ones again.
    func putBack(_ bytes: ByteBuffer) {
        self.state.withLock { state in
            var all = bytes
            all.writeImmutableBuffer(state.unread)
            state.unread = all
        }
    }

    private func takeUnread() -> ByteBuffer? {
        self.state.withLock { state in
            guard state.unread.readableBytes > 0 else { return nil }
            let bytes = state.unread
            state.unread = ByteBuffer()
            return bytes
        }
    }

    private func fetchMore(_ what: String) async throws {
        guard try await self.fetch(what) else { throw TestKitError.ended("awaited \(what), came \(self.tail)") }
    }

    /// Waits for bytes; false when the connection has ended.
    private func fetch(_ what: String) async throws -> Bool {
        if self.end != nil { return false }
        let promise = self.channel.eventLoop.makePromise(of: Inbox.Delivery.self)
        let inbox = self.inbox
        self.channel.eventLoop.execute { inbox.value.next(promise) }
        switch try await self.limited(promise, what) {
        case .bytes(var bytes):
            self.state.withLock { state in
                let room = min(bytes.readableBytes, max(0, Self.recordMax - state.record.readableBytes))
                if let start = bytes.getSlice(at: bytes.readerIndex, length: room) {
                    state.record.writeImmutableBuffer(start)
                }
                state.unread.writeBuffer(&bytes)
            }
            return true
        case .end(let end):
            self.state.withLock { $0.end = end }
            return false
        }
    }

    private func limited<Value: Sendable>(_ promise: EventLoopPromise<Value>, _ what: String) async throws -> Value {
        let timer = self.channel.eventLoop.scheduleTask(in: TimeAmount(Self.limit)) {
            promise.fail(TestKitError.timedOut("awaited \(what), came \(self.tail)"))
        }
        defer { timer.cancel() }
        return try await promise.futureResult.get()
    }
}
