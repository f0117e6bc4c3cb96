import Testing
import UsherCore
import UsherLoad

@Suite("Requests of an access log", .timeLimit(.minutes(1)))
struct AccessLogLineTests {
    @Test("Usher's own lines give method, path, query and host")
    func json() {
        let line =
            #"{"time":"2026-01-01T00:00:00.000Z","client":"::1","method":"GET","host":"a.example","path":"/x","#
            + #""query":"q=1","status":200,"bytes-out":5,"why":"\u0022"}"#
        #expect(AccessLogLine.target(line[...]) == LoadTarget(target: "/x?q=1", host: "a.example"))
        let short = #"{"method":"HEAD","path":"/","query":"","host":""}"#
        #expect(AccessLogLine.target(short[...]) == LoadTarget(method: "HEAD", target: "/"))
    }

    @Test("combined lines of any server give method and target")
    func combined() {
        let line = #"127.0.0.1 - ann [10/Oct/2000:13:55:36 -0700] "POST /a?b=%22 HTTP/1.0" 200 23 "-" "curl \"x\"""#
        #expect(AccessLogLine.target(line[...]) == LoadTarget(method: "POST", target: "/a?b=%22"))
        let quoted = #"::1 - - [x] "GET /a\"b\\c HTTP/2.0" 200 1 "-" "-""#
        #expect(AccessLogLine.target(quoted[...]) == LoadTarget(target: #"/a"b\c"#))
    }

    @Test(
        "hostile and broken lines give nothing",
        arguments: [
            "", "\"", "{", "{}", "[]", "null", "\"GET / HTTP/1.1", #"x "-" 400 0"#, #"x "" 400"#, #"x "GET /""#,
            #"x "GET  / HTTP/1.1""#, #"x "GET / b HTTP/1.1""#, #"x "GET /\x0d\x0aX: y HTTP/1.1""#,
            #"x "G T / HTTP/1.1""#,
            #"x "CONNECT h:1 HTTP/1.1""#, "x \"GET /\u{7f} HTTP/1.1\"", "x \"GET /ü HTTP/1.1\"", #"x "GET / HTTP/1.1\"#,
            #"{"method":"GET"}"#, #"{"path":"/"}"#, #"{"method":1,"path":"/"}"#, #"{"method":"GET","path":"/ x"}"#,
            #"{"method":"GET","path":"/\r\nHost: b"}"#, #"{"method":"GET","path":""}"#,
            #"{"method":"GET","path":"/","host":"a\r\nb: c"}"#, #"{"method":"GET","path":"/","query":" "}"#,
            #"{"method":"GET\r\n","path":"/"}"#, #"{"method":"GET","path":"/"} trailing"#,
        ])
    func hostile(line: String) {
        #expect(AccessLogLine.target(line[...]) == nil)
    }

    @Test("a line that is too long is passed over")
    func long() {
        let path = String(repeating: "a", count: AccessLogLine.lengthMax)
        #expect(AccessLogLine.target("x \"GET /\(path) HTTP/1.1\"") == nil)
        #expect(AccessLogLine.target(String(repeating: "[", count: 60_000)[...]) == nil)
        #expect(AccessLogLine.target(("{\"path\":" + String(repeating: "[", count: 60_000))[...]) == nil)
    }

    @Test("lines of random bytes never give what cannot be sent")
    func random() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let alphabet = Array(#"{}[]":,\ /GETHP1.methodpathqueryhost"#.utf8) + [0, 9, 13, 127, 0xC3, 0xFF]
        for _ in 0..<20_000 {
            let bytes = (0..<random.below(60)).map { _ in alphabet[random.below(alphabet.count)] }
            guard let target = AccessLogLine.target(String(decoding: bytes, as: UTF8.self)[...]) else { continue }
            #expect(FieldText.isToken(target.method) && FieldText.isTarget(target.target), "seed \(seed)")
        }
    }

    @Test("a replay takes what only reads, and says what it left out")
    func replay() {
        let log = #"""
            x "GET /a HTTP/1.1" 200
            x "POST /b HTTP/1.1" 200
            broken
            {"method":"HEAD","path":"/c"}
            x "GET /a HTTP/1.1" 200
            """#
        let safe = Replay(log, allowsUnsafe: false)
        #expect(safe.targets.distinct.map(\.target) == ["/a", "/c"] && safe.targets.order == [0, 1, 0])
        #expect(safe.unreadable == 1 && safe.unsafe == 1)
        #expect(safe.leftOut?.contains("--unsafe") == true)
        let all = Replay(log, allowsUnsafe: true)
        #expect(all.targets.order == [0, 1, 2, 0] && all.unsafe == 0)
        #expect(Replay("x \"GET / HTTP/1.1\"", allowsUnsafe: false).leftOut == nil)
    }
}
