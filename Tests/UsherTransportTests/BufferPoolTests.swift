import NIOCore
import Testing
import UsherTransport

@Suite("Buffer pool")
struct BufferPoolTests {
    @Test("a buffer that was given back is used again, empty")
    func reuse() {
        let pool = BufferPool(capacity: 4096, spareMax: 4)
        var first = pool.take()
        first.writeString("secret of another connection")
        let address = first.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        pool.giveBack(first)
        first = ByteBuffer()
        var second = pool.take()
        #expect(second.readableBytes == 0)
        second.writeString("x")
        #expect(second.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } == address)
    }

    @Test("bytes that a socket still waits to send are never written over")
    func sharedBufferIsLetGo() {
        let pool = BufferPool(capacity: 4096, spareMax: 4)
        var first = pool.take()
        first.writeString("still to be sent")
        let waiting = first.slice()
        pool.giveBack(first)
        first = ByteBuffer()
        var second = pool.take()
        second.writeString("something else entirely")
        #expect(String(buffer: waiting) == "still to be sent")
    }

    @Test("a buffer that grew, and one too many, are freed instead of kept")
    func bounds() {
        let pool = BufferPool(capacity: 1024, spareMax: 1)
        var grown = pool.take()
        grown.writeRepeatingByte(0x61, count: 5000)
        pool.giveBack(grown)
        #expect(pool.take().storageCapacity < 5000)
        let one = pool.take()
        let two = pool.take()
        pool.giveBack(one)
        pool.giveBack(two)
        #expect(pool.take().storageCapacity >= 1024)
    }
}
