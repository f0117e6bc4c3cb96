import NIOCore
import UsherHTTP
import UsherTransport

/// A request's body on its way to a replica: its start is kept until an answer comes, so that it can be sent again.
struct GatheredBody: ~Copyable {
    /// Up to this many bytes leave together with the head in one buffer.
    private static let joinedMax = 8192

    private var start: ByteBuffer?
    private var trailers: Trailers?
    private var isChunked = false
    private var hasStreamed = false
    /// The whole request was received.
    private(set) var isComplete = false
    /// Bytes received so far.
    private(set) var count = 0

    /// What was gathered so far and has not been sent.
    var gathered: ByteBuffer? { self.hasStreamed ? nil : self.start }
    /// The memory that `start` takes.
    var keptBytes: Int { self.start?.storageCapacity ?? 0 }
    /// What was sent can be sent again, because nothing went past `start`.
    var isReplayable: Bool { !self.hasStreamed }

    mutating func gather(_ data: ByteBuffer) {
        self.count += data.readableBytes
        guard self.start == nil else {
            self.start?.writeImmutableBuffer(data)
            return
        }
        guard data.readableBytes < data.storageCapacity / 2 else {
            self.start = data
            return
        }
        // A short slice would keep a whole read buffer from being used again until the answer is there.
        var copy = ByteBufferAllocator().buffer(capacity: data.readableBytes)
        copy.writeImmutableBuffer(data)
        self.start = copy
    }

    mutating func end(_ trailers: Trailers?, framing: BodyFraming) {
        self.isComplete = true
        self.trailers = trailers
        self.isChunked = framing == .chunked
    }

    /// The answer is there: nothing will be sent again.
    mutating func forget() {
        self.start = nil
        self.trailers = nil
    }

    /// Writes what was gathered behind a head; a long part comes back to be written by itself.
    func write(behind out: inout ByteBuffer, framing: BodyFraming) -> ByteBuffer? {
        let isChunked = framing == .chunked
        guard let start = self.start, start.readableBytes > 0 else {
            if isChunked && self.isComplete { BodyWriter.writeLastChunk(trailers: self.trailers, to: &out) }
            return nil
        }
        if isChunked {
            BodyWriter.writeChunkHead(start.readableBytes, to: &out)
            out.writeImmutableBuffer(start)
            BodyWriter.writeChunkEnd(to: &out)
            if self.isComplete { BodyWriter.writeLastChunk(trailers: self.trailers, to: &out) }
            return nil
        }
        guard start.readableBytes > Self.joinedMax else {
            out.writeImmutableBuffer(start)
            return nil
        }
        return start
    }

    /// Sends a piece that came after the head had left.
    mutating func stream(_ data: ByteBuffer, to upstream: UpstreamConnection, framing: BodyFraming) {
        self.count += data.readableBytes
        self.hasStreamed = true
        guard framing == .chunked else {
            upstream.sendBody(data)
            return
        }
        var head = ByteBufferAllocator().buffer(capacity: 24)
        BodyWriter.writeChunkHead(data.readableBytes, to: &head)
        upstream.sendBody(head)
        upstream.sendBody(data)
        head.clear()
        BodyWriter.writeChunkEnd(to: &head)
        upstream.sendBody(head)
    }

    func streamEnd(to upstream: UpstreamConnection) {
        if self.isChunked {
            var end = ByteBufferAllocator().buffer(capacity: 64)
            BodyWriter.writeLastChunk(trailers: self.trailers, to: &end)
            upstream.sendBody(end)
        }
        upstream.flush()
    }
}
