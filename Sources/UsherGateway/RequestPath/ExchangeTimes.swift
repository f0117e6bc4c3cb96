import UsherCore
import UsherTelemetry

/// Where one request's time went: until a connection was sought, until it stood, until the answer began, until its end.
///
/// The clock's readings are those that the path has anyway. Of several tries the last one's times are kept, and what
/// went before it counts as queueing.
struct ExchangeTimes {
    private let startedAt: MonotonicTime
    private var tryAt: MonotonicTime
    /// Nil until the last try was sent.
    private var sentAt: MonotonicTime?
    private var firstByteAt: MonotonicTime?
    private var connectNanoseconds: UInt64 = 0

    init(startedAt: MonotonicTime) {
        self.startedAt = startedAt
        self.tryAt = startedAt
    }

    mutating func tryBegins(now: MonotonicTime) {
        self.connectNanoseconds = 0
        self.sentAt = nil
    }

    mutating func tryStarted(now: MonotonicTime) {
        self.tryAt = now
    }

    mutating func connected(now: MonotonicTime) {
        self.connectNanoseconds = now.nanoseconds(since: self.tryAt)
    }

    mutating func sent(now: MonotonicTime) {
        self.sentAt = now
    }

    mutating func answered(now: MonotonicTime) {
        self.firstByteAt = now
    }

    func sinceTry(_ now: MonotonicTime) -> UInt64 { now.nanoseconds(since: self.tryAt) }

    /// From the choice of the replica to the answer's first byte; nil before that.
    var tryToFirstByte: UInt64? { self.firstByteAt?.nanoseconds(since: self.tryAt) }

    /// As they stand when the answer's head is written.
    var sofar: RequestTimes {
        var times = RequestTimes()
        times.queue = self.tryAt.nanoseconds(since: self.startedAt)
        times.connect = self.connectNanoseconds
        if let sentAt = self.sentAt { times.wait = self.firstByteAt?.nanoseconds(since: sentAt) ?? 0 }
        return times
    }

    func ended(now: MonotonicTime) -> RequestTimes {
        var times = self.sofar
        if let firstByteAt = self.firstByteAt {
            times.transfer = now.nanoseconds(since: firstByteAt)
        } else if let sentAt = self.sentAt {
            // It was waited for in vain.
            times.wait = now.nanoseconds(since: sentAt)
        }
        return times
    }
}
