import Testing
import UsherTransport

@Suite("Names of the domain name system")
struct DomainNameTests {
    @Test(
        "what may be asked for is read, in lower case and without the final dot",
        arguments: [
            ("cart.internal", "cart.internal"), ("Cart.INTERNAL.", "cart.internal"), ("cart", "cart"),
            ("_http._tcp.cart.internal", "_http._tcp.cart.internal"), ("10.example", "10.example"),
            (String(repeating: "a", count: 63), String(repeating: "a", count: 63)),
        ])
    func read(text: String, name: String) {
        #expect(DomainName(text: text)?.description == name)
    }

    @Test(
        "what is no name is refused",
        arguments: [
            "", ".", "..", ".cart", "cart..internal", "cart internal", "cärt", "cart/internal", "a\0b", "a\\b",
            String(repeating: "a", count: 64), String(repeating: "a.", count: 128),
            Array(repeating: String(repeating: "a", count: 63), count: 4).joined(separator: "."),
        ])
    func refused(text: String) {
        #expect(DomainName(text: text) == nil)
    }

    @Test("a name of 253 characters is the longest")
    func longest() {
        let labels = Array(repeating: String(repeating: "a", count: 63), count: 3)
        let longest = (labels + [String(repeating: "b", count: 61)]).joined(separator: ".")
        #expect(DomainName(text: longest)?.description == longest)
        #expect(DomainName(text: longest + "b") == nil)
    }

    @Test("a suffix is appended unless both are too long together")
    func appending() throws {
        let short = try #require(DomainName(text: "cart"))
        let suffix = try #require(DomainName(text: "shop.internal"))
        #expect(short.appending(suffix)?.description == "cart.shop.internal")
        let long = try #require(DomainName(text: String(repeating: "a.", count: 120) + "a"))
        #expect(long.appending(suffix) == nil)
    }
}
