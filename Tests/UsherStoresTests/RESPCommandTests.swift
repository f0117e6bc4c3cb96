import NIOCore
import Testing
import UsherCore
@testable import UsherStores

@Suite("Commands for Redis", .timeLimit(.minutes(1)))
struct RESPCommandTests {
    @Test("words are written with their lengths in bytes")
    func words() {
        var out = ByteBuffer()
        out.writeCommand(["SET", "grün", ""])
        #expect(String(buffer: out) == "*3\r\n$3\r\nSET\r\n$5\r\ngrün\r\n$0\r\n\r\n")
    }

    @Test(
        "numbers are written in decimal digits",
        arguments: [0, 1, 9, 10, 99, 100, 12_345_678, 9_999_999_999, UInt64.max])
    func numbers(number: UInt64) {
        var out = ByteBuffer()
        out.writeWord(decimal: number)
        #expect(String(buffer: out) == "$\("\(number)".utf8.count)\r\n\(number)\r\n")
    }

    @Test("a caller's key has its bytes; a long one's has a hash, which nobody can be called")
    func keys() {
        let keys = RedisQuotaKeys(quota: "public", callerClass: "gold")
        #expect(self.key("acme:x\r\n", keys) == "$34\r\nusher:quota:{public}:gold:acme:x\r\n\r\n")
        let longest = String(repeating: "a", count: 256)
        #expect(self.key(longest, keys).hasSuffix(":gold:\(longest)\r\n"))
        let long = self.key(longest + "a", keys)
        #expect(long.contains("usher:quota:{public}:gold#"))
        #expect(long.utf8.count == "$57\r\n".utf8.count + "usher:quota:{public}:gold#".utf8.count + 32 + 2)
        #expect(self.key(longest + "b", keys) != long)
        #expect(self.key(longest + "a", RedisQuotaKeys(quota: "public", callerClass: "silver")) != long)
    }

    private func key(_ caller: String, _ keys: RedisQuotaKeys) -> String {
        var out = ByteBuffer()
        keys.write(caller.utf8.span, to: &out)
        return String(buffer: out)
    }
}
