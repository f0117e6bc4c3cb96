package import NIOCore
package import UsherCore
package import UsherHTTP

/// What everything on one event loop shares: clock, timers, buffers and spare heads.
///
/// Confinement: one event loop; `@unchecked Sendable` only so that it can travel there inside NIO's initialisers.
package final class LoopContext: @unchecked Sendable {
    package let eventLoop: any EventLoop

    /// Buffers that sockets read into. 64 KiB: a large body needs few system calls, and only touched pages cost memory.
    package let receiveBuffers = BufferPool(capacity: 65536, spareMax: 16)
    /// Buffers that heads and small bodies are written into.
    package let writeBuffers = BufferPool(capacity: 16384, spareMax: 64)

    // For HTTP/2: where one connection at a time reads the fields of a header block, and writes them down anew.
    var fields = FieldBlock()
    var translation = ByteBuffer()
    /// HTTP/2 connections that are open.
    var http2Connections = 0
    /// Memory of HTTP/2 requests' heads that wait, and of answers that clients do not take.
    package internal(set) var heldBytes = 0
    /// Beyond this, new requests of clients for whom much waits are refused. 8 MiB, and 128 KiB for each
    /// connection, which is what an honest one seldom needs.
    var heldBytesMax: Int { 8_388_608 + 131_072 * self.http2Connections }
    private var toFlush: [HTTP2ServerConnection] = []

    private var turnTime: MonotonicTime?
    private var wheel = TimerWheel()
    private var isTicking = false
    private var requestHeads: [RequestHead] = []
    private var responseHeads: [ResponseHead] = []
    private static let spareHeadsMax = 256
    private var dateSecond: Int64 = -1
    private var dateBytes: [UInt8] = []

    package init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// The monotonic clock; inside `turn`, read once for all that happens there.
    package var now: MonotonicTime {
        self.turnTime ?? MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds)
    }

    /// Does what one event of a socket leads to, microseconds of work, under one reading of the clock.
    @inline(__always)
    func turn(_ body: () -> Void) {
        self.turnTime = MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds)
        body()
        self.turnTime = nil
    }

    /// Calls `flushNow` once everything has been done that the sockets have brought in this turn of the loop.
    func flushLater(_ connection: HTTP2ServerConnection) {
        if self.toFlush.isEmpty { self.eventLoop.assumeIsolated().execute { self.flushAll() } }
        self.toFlush.append(connection)
    }

    private func flushAll() {
        let connections = self.toFlush
        self.toFlush.removeAll(keepingCapacity: true)
        for connection in connections { connection.flushNow() }
    }

    // MARK: Dates

    /// The `Date` line with its CR LF, made anew once a second.
    package var dateLine: [UInt8] {
        let second = WallClock.milliseconds() / 1000
        if second != self.dateSecond {
            self.dateSecond = second
            var line = ByteBuffer(string: "Date: ")
            HTTPDate.write(unixSeconds: Int(second), to: &line)
            line.writeStaticString("\r\n")
            self.dateBytes = Array(line.readableBytesView)
        }
        return self.dateBytes
    }

    /// The same as a field of an HTTP/2 answer.
    func writeDate(to out: inout ByteBuffer) {
        let line = self.dateLine
        // `Date: ` in front, CR LF behind.
        ResponseTranslation.write(.date, "date", line.span.extracting(6..<(line.count - 2)), to: &out)
    }

    // MARK: Heads

    package func takeRequestHead() -> RequestHead {
        self.requestHeads.popLast() ?? RequestHead()
    }

    package func giveBack(_ head: RequestHead) {
        guard self.requestHeads.count < Self.spareHeadsMax else { return }
        head.reset()
        self.requestHeads.append(head)
    }

    package func takeResponseHead() -> ResponseHead {
        self.responseHeads.popLast() ?? ResponseHead()
    }

    package func giveBack(_ head: ResponseHead) {
        guard self.responseHeads.count < Self.spareHeadsMax else { return }
        head.reset()
        self.responseHeads.append(head)
    }

    // MARK: Timers

    /// Calls `object.timerFired` once `deadline` (nanoseconds of the monotonic clock) has passed, at most a tick late.
    package func schedule(_ object: TimedObject, at deadline: UInt64, now: MonotonicTime) {
        // First: catching up with the time that nobody counted takes out whatever is due.
        if !self.isTicking { self.startTicking(now) }
        self.wheel.schedule(object, at: deadline, now: now.nanoseconds)
    }

    package func schedule(_ object: TimedObject, after delay: UInt64, now: MonotonicTime) {
        self.schedule(object, at: now.nanoseconds &+ min(delay, UInt64.max / 4), now: now)
    }

    package func cancel(_ object: TimedObject) {
        self.wheel.cancel(object)
    }

    /// The wheel turns only while something is in it, so that an idle Usher does not wake up.
    private func startTicking(_ now: MonotonicTime) {
        self.isTicking = true
        _ = self.wheel.due(now: now.nanoseconds)
        let tick = TimeAmount.nanoseconds(Int64(TimerWheel.tick))
        self.eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { task in
            let now = self.now
            for object in self.wheel.due(now: now.nanoseconds) {
                object.timerFired(now: now)
            }
            if self.wheel.count == 0 {
                self.isTicking = false
                task.cancel()
            }
        }
    }
}

/// A timer for something that is not itself a connection.
package final class DeadlineTimer: TimedObject {
    /// Called when the deadline has passed. Cleared by the owner to break the cycle.
    package var onFire: ((MonotonicTime) -> Void)?

    package override init() {}

    package override func timerFired(now: MonotonicTime) {
        self.onFire?(now)
    }
}
