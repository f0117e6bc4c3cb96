import Testing
import UsherTransport

@Suite("The signed bypass", .timeLimit(.minutes(1)))
struct CacheBypassTests {
    private static let token = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    private static let now = 1_800_000_000

    @Test("the value is the time and the HMAC that anybody with the token computes")
    func form() {
        // printf 'usher cache bypass 1800000000' | openssl dgst -sha256 -hmac TOKEN
        let digest = "db3d4bb1c6029ac9327ff84e101da70c0c1a68167c1c714652a06590fcd8294b"
        #expect(CacheBypass.sign(token: Self.token, unixSeconds: Self.now) == "1800000000.\(digest)")
    }

    @Test(
        "it holds for ten minutes either way",
        arguments: [(0, true), (600, true), (601, false), (-600, true), (-601, false)])
    func time(offset: Int, isValid: Bool) {
        let value = CacheBypass.sign(token: Self.token, unixSeconds: Self.now)
        #expect(CacheBypass.isValid(value, token: Self.token, unixSeconds: Self.now + offset) == isValid)
    }

    @Test("another token, another time and another digit are found out")
    func changed() {
        let value = CacheBypass.sign(token: Self.token, unixSeconds: Self.now)
        #expect(!CacheBypass.isValid(value, token: Self.token + "0", unixSeconds: Self.now))
        #expect(!CacheBypass.isValid("1800000001" + value.dropFirst(10), token: Self.token, unixSeconds: Self.now))
        for index in value.indices.dropFirst(11) {
            var other = value
            other.replaceSubrange(index...index, with: value[index] == "0" ? "1" : "0")
            #expect(!CacheBypass.isValid(other, token: Self.token, unixSeconds: Self.now))
        }
    }

    @Test(
        "what is no signed time is refused",
        arguments: [
            "", ".", "1800000000", "1800000000.", "x.y", "-1.0", ".0123", "99999999999999999999.0", "1800000000.ABCD",
        ])
    func malformed(value: String) {
        #expect(!CacheBypass.isValid(value, token: Self.token, unixSeconds: Self.now))
        let digits = CacheBypass.sign(token: Self.token, unixSeconds: Self.now).dropFirst(11)
        #expect(!CacheBypass.isValid(value + digits, token: Self.token, unixSeconds: Int.min))
        #expect(!CacheBypass.isValid(value + digits + "0", token: Self.token, unixSeconds: Self.now))
    }
}
