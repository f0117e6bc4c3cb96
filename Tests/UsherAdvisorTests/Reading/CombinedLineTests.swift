import Testing
import UsherAdvisor
import UsherCore

@Suite("Lines of the combined format", .timeLimit(.minutes(1)))
struct CombinedLineTests {
    @Test("the plain format gives client, request, answer and agent")
    func plain() throws {
        let line = try #require(
            ReadLine(
                #"203.0.113.7 - ann lee [10/Oct/2026:13:55:36 +0000] "GET /a/b?q=1&r=2 HTTP/1.1" 200 512 "#
                    + #""http://x/" "curl/8""#
            ))
        #expect(
            line.entry.client == IPAddress(text: "203.0.113.7") && line.entry.status == 200 && line.entry.bytes == 512)
        #expect(line.method == "GET" && line.path == "/a/b" && line.query == "q=1&r=2")
        #expect(line.identity == "ann lee" && line.userAgent == "curl/8" && line.language == "" && line.host == "")
        #expect(line.entry.microseconds == nil && line.entry.minute != nil && !line.entry.countsHead)
    }

    @Test(
        "what is written behind it is known by its look",
        arguments: [
            (#"0.125"#, 125_000, "", "", ""), (#"1500"#, 1500, "", "", ""), (#"rt=0.002 uct="-""#, 2000, "", "", ""),
            (#""fr-FR,fr;q=0.9,*;q=0.1" 0.5"#, 500_000, "fr-FR,fr;q=0.9,*;q=0.1", "", ""),
            (#""de" "sid=4; x=y""#, nil, "de", "sid=4; x=y", ""), (#""W/\"abc\"""#, nil, "", "", #"W/"abc""#),
            (#""-" "-""#, nil, "", "", ""), (#""0.250""#, 250_000, "", "", ""), (#""HIT" "gzip""#, nil, "", "", ""),
        ])
    func behind(text: String, microseconds: Int?, language: String, cookies: String, tag: String) throws {
        let line = try #require(
            ReadLine(#"1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "-" "# + text))
        #expect(line.entry.microseconds == microseconds && line.language == language)
        #expect(line.cookies == cookies && line.tag == tag)
    }

    @Test("a forwarded address counts only behind a proxy of one's own")
    func forwarded() {
        func client(_ peer: String, _ forwarded: String) -> String? {
            ReadLine(#"\#(peer) - - [x] "GET / HTTP/1.1" 200 5 "-" "-" "\#(forwarded)""#)?.entry.client?.description
        }
        #expect(client("10.0.0.2", "198.51.100.9, 10.0.0.7") == "198.51.100.9")
        #expect(client("192.168.1.1", "2001:db8::1") == "2001:db8::1")
        #expect(client("203.0.113.7", "198.51.100.9") == "203.0.113.7")
    }

    @Test("virtual hosts, absolute targets, IPv6, escapes and missing sizes")
    func forms() throws {
        let vhost = try #require(ReadLine(#"a.example:443 1.2.3.4 - - [x] "GET /p HTTP/2.0" 304 - "-" "-""#))
        #expect(vhost.host == "a.example" && vhost.entry.client?.description == "1.2.3.4" && vhost.entry.bytes == 0)
        let absolute = try #require(ReadLine(#"::1 - - [x] "GET http://b.example/p?q#f HTTP/1.1" 200 1"#))
        #expect(absolute.host == "b.example" && absolute.path == "/p" && absolute.query == "q")
        #expect(absolute.entry.client == IPAddress(high: 0, low: 1))
        let escaped = try #require(ReadLine(#"- - - [x] "GET /a\"b\\c\x41 HTTP/1.1" 200 1 "-" "a\"b""#))
        #expect(escaped.path == #"/a"b\cA"# && escaped.userAgent == #"a"b"# && escaped.entry.client == nil)
    }

    @Test(
        "lines that tell of no request give nothing",
        arguments: [
            "", "-", "\"", "[", "1.2.3.4", "1.2.3.4 - - [", "1.2.3.4 - - [x]", "1.2.3.4 - - [x] \"",
            #"1.2.3.4 - - [x] "GET / HTTP/1.1""#, #"1.2.3.4 - - [x] "GET / HTTP/1.1" abc 5"#,
            #"1.2.3.4 - - [x] "GET /" 200 5"#, #"1.2.3.4 - - [x] "-" 400 0 "-" "-""#,
            #"1.2.3.4 - - [x] "\x16\x03\x01" 400 0"#, #"1.2.3.4 - - [x] "GET / HTTP/1.1 200 5"#,
            #"1.2.3.4 - - [x] "get / HTTP/1.1" 200 5"#, #"1.2.3.4 - - [x] "GET / HTTP/1.1\" 200 5"#,
        ])
    func broken(line: String) {
        #expect(ReadLine(line) == nil)
    }
}
