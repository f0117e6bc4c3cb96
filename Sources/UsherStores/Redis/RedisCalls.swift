internal import NIOCore
internal import UsherCore

/// Calls that wait for their answers, in the order in which they were made, which is also that of their deadlines.
///
/// Two orders meet here: answers come in the order of what was sent, and calls are given up in the order of their
/// deadlines; they differ when a call is sent a second time. So what was sent is a queue of its own that names calls by
/// number, and a call that was given up is simply missing when its answer comes. The words of a call are kept until it
/// is over, back to back with those of the others.
struct RedisCalls: ~Copyable {
    /// What is told to a call; for an answer it says whether that was one to its question.
    typealias Completion = (Result<RESPValue, RedisFailure>) -> Bool

    /// What was sent.
    enum Sent: Hashable {
        case call(UInt64)
        case ping
        case load
    }

    private struct Call {
        let deadline: MonotonicTime
        /// Nil: it is over, and waits for the calls before it to be.
        var completion: Completion?
        var wasRepeated = false
        let wordCount: Int
        /// Where its words lie among all that were ever written, and their length. Unit: bytes.
        let start: Int
        let byteCount: Int
    }

    private var calls = CircularBuffer<Call>()
    /// The number of the first of `calls`.
    private var first: UInt64 = 0
    private var sent = CircularBuffer<Sent>()
    private var words = ByteBuffer()
    private var bytesWritten = 0

    /// Calls, and answers that may be outstanding.
    static let maximum = 4096
    /// Words of calls that are over are cleared away when they are more than this. Unit: bytes.
    private static let staleMaximum = 1 << 16

    var isFull: Bool { self.calls.count >= Self.maximum || self.sent.count >= Self.maximum }

    /// When the next call has to be given up.
    var nextDeadline: MonotonicTime? { self.calls.first?.deadline }

    // MARK: Questions

    /// - Parameters:
    ///   - deadline: not before that of any other call.
    ///   - write: writes as many words as `wordCount` says.
    /// - Returns: the call's number.
    mutating func add(
        wordCount: Int, deadline: MonotonicTime, _ write: (inout ByteBuffer) -> Void, completion: @escaping Completion
    ) -> UInt64 {
        let before = self.words.writerIndex
        write(&self.words)
        let byteCount = self.words.writerIndex - before
        self.calls.append(
            Call(
                deadline: deadline, completion: completion, wordCount: wordCount, start: self.bytesWritten,
                byteCount: byteCount))
        self.bytesWritten += byteCount
        return self.first &+ UInt64(self.calls.count - 1)
    }

    /// Must be called for whatever is sent, in that order.
    mutating func noteSent(_ what: Sent) {
        self.sent.append(what)
    }

    /// The words that a call was made with.
    func writeWords(of number: UInt64, to out: inout ByteBuffer) {
        guard let offset = self.offset(of: number) else { return }
        let call = self.calls[offset: offset]
        let start = call.start - (self.bytesWritten - self.words.readableBytes)
        out.writeBytes(self.words.readableBytesSpan.extracting(start..<(start + call.byteCount)))
    }

    /// How many words a call has that is to be sent a second time; nil when it is over or was repeated already.
    mutating func repeatOnce(_ number: UInt64) -> Int? {
        guard let offset = self.offset(of: number), self.calls[offset: offset].completion != nil,
            !self.calls[offset: offset].wasRepeated
        else { return nil }
        self.calls[offset: offset].wasRepeated = true
        return self.calls[offset: offset].wordCount
    }

    // MARK: Ends

    /// What the answer that has come belongs to; nil when nothing is outstanding.
    mutating func takeSent() -> Sent? { self.sent.popFirst() }

    /// Ends a call; nil when it was given up before.
    mutating func end(_ number: UInt64) -> Completion? {
        guard let offset = self.offset(of: number) else { return nil }
        let completion = self.calls[offset: offset].completion
        self.calls[offset: offset].completion = nil
        self.dropEnded()
        return completion
    }

    /// Ends the next call whose deadline has passed. To be called until it returns nil.
    mutating func endDue(now: MonotonicTime) -> Completion? {
        guard let deadline = self.nextDeadline, deadline <= now else { return nil }
        return self.end(self.first)
    }

    /// Ends the next call whatever its deadline. To be called until it returns nil.
    mutating func endNext() -> Completion? { self.end(self.first) }

    private func offset(of number: UInt64) -> Int? {
        guard number >= self.first else { return nil }
        let offset = number &- self.first
        return offset < UInt64(self.calls.count) ? Int(offset) : nil
    }

    /// Leaves a call in front that is not over.
    private mutating func dropEnded() {
        while let call = self.calls.first, call.completion == nil {
            self.words.moveReaderIndex(forwardBy: call.byteCount)
            self.calls.removeFirst()
            self.first &+= 1
        }
        if self.words.readableBytes == 0 {
            self.words.clear()
        } else if self.words.readerIndex > Self.staleMaximum {
            self.words.discardReadBytes()
        }
    }
}
