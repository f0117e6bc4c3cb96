package import NIOCore

/// Buffers that one event loop uses again and again, so that a busy loop allocates none and an idle connection holds
/// none.
///
/// A buffer is taken, filled, handed to a channel, and given back at once; while a socket still owns a part of it the
/// pool notices at the next `take()` and lets it go instead of writing over bytes that were not sent yet.
///
/// Confinement: one event loop.
package final class BufferPool {
    /// Size of every buffer of this pool, in bytes.
    package let capacity: Int

    private let allocator = ByteBufferAllocator()
    private var spare: [ByteBuffer] = []
    private let spareMax: Int

    /// - Parameters:
    ///   - capacity: bytes of one buffer.
    ///   - spareMax: how many buffers are kept; more are freed when given back.
    package init(capacity: Int, spareMax: Int) {
        self.capacity = capacity
        self.spareMax = spareMax
        self.spare.reserveCapacity(spareMax)
    }

    /// An empty buffer with at least `capacity` bytes of room that nobody else refers to.
    package func take() -> ByteBuffer {
        while var buffer = self.spare.popLast() {
            let isOurs: Void? = buffer.modifyIfUniquelyOwned { $0.clear() }
            if isOurs != nil { return buffer }
        }
        return self.allocator.buffer(capacity: self.capacity)
    }

    /// Takes a buffer back; slices of it may still wait in a socket's queue.
    package func giveBack(_ buffer: consuming ByteBuffer) {
        guard buffer.storageCapacity == self.capacity, self.spare.count < self.spareMax else { return }
        self.spare.append(buffer)
    }
}

/// Gives a channel's reads their buffers out of the loop's pool.
///
/// NIO keeps the first buffer that a channel reads into for as long as the channel lives, so that one is small
/// (most requests fit into it, and an idle connection costs no more); every later read uses a pooled one.
package struct PooledReceiveAllocator: RecvByteBufferAllocator {
    /// Bytes of the first read's buffer, which stays with the channel.
    package static let firstRead = 1024
    /// The same where TLS is spoken: the first message of a browser has 1.7 to 1.9 KB.
    package static let firstTLSRead = 2048

    // Only the channel's own event loop calls an allocator, and the pool belongs to that loop.
    private nonisolated(unsafe) let pool: BufferPool
    private let firstRead: Int
    private var hasRead = false

    package init(pool: BufferPool, firstRead: Int = Self.firstRead) {
        self.pool = pool
        self.firstRead = firstRead
    }

    package func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        self.hasRead ? self.pool.take() : allocator.buffer(capacity: self.firstRead)
    }

    /// Answering "may grow" is what makes the channel ask for a buffer at each read instead of keeping its first one.
    package mutating func record(actualReadBytes: Int) -> Bool {
        self.hasRead = true
        return true
    }
}
