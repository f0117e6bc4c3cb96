import Testing
import UsherAdvisor
import UsherCore

@Suite("Lines of JSON", .timeLimit(.minutes(1)))
struct JSONLineTests {
    @Test("Usher's own lines")
    func usher() throws {
        let line = try #require(
            ReadLine(
                #"{"time":"2026-10-10T13:55:36.123Z","client":"2001:db8::7","identity":"acme","class":"gold","#
                    + #""method":"GET","host":"a.example","path":"/x","query":"q=1","protocol":"HTTP/1.1","#
                    + #""status":200,"bytes-in":90,"#
                    + #""bytes-out":512,"duration-ms":12.345,"wait-ms":1.000,"route":"1","cache":"hit","#
                    + #""user-agent":"curl/8"}"#
            ))
        #expect(line.entry.client == IPAddress(text: "2001:db8::7") && line.identity == "acme")
        #expect(line.method == "GET" && line.host == "a.example" && line.path == "/x" && line.query == "q=1")
        #expect(line.entry.status == 200 && line.entry.bytes == 512 && line.entry.countsHead)
        #expect(line.entry.microseconds == 12_345 && line.userAgent == "curl/8" && line.entry.minute != nil)
    }

    @Test("nginx with the names of its variables, numbers as text")
    func nginx() throws {
        let line = try #require(
            ReadLine(
                #"{"remote_addr":"10.0.0.1","http_x_forwarded_for":"198.51.100.4, 10.0.0.9","#
                    + #""request":"GET /a?b HTTP/1.1","status":"200","bytes_sent":"700","body_bytes_sent":"500","#
                    + #""request_time":"0.005","#
                    + #""http_user_agent":"A \"B\"","http_accept_language":"fr","remote_user":"-","#
                    + #""sent_http_etag":"\"v1\""}"#
            ))
        #expect(line.entry.client?.description == "198.51.100.4" && line.path == "/a" && line.query == "b")
        #expect(line.entry.bytes == 500 && !line.entry.countsHead && line.entry.microseconds == 5000)
        #expect(line.userAgent == #"A "B""# && line.language == "fr" && line.identity == "" && line.tag == #""v1""#)
    }

    @Test(
        "Envoy, HAProxy, Traefik and Caddy",
        arguments: [
            (
                #"{"start_time":"2026-01-01T00:00:00.000Z","method":"GET","path":"/e?x=1","response_code":200,"#
                    + #""bytes_sent":88,"duration":7,":authority":"e.example","#
                    + #""downstream_remote_address":"192.0.2.1:4242"}"#,
                "/e", "e.example", 7000, 88
            ),
            (
                #"{"client_ip":"192.0.2.1","http_method":"GET","uri":"/h","status_code":200,"bytes_read":99,"ta":12}"#,
                "/h", "", 12_000, 99
            ),
            (
                #"{"ClientAddr":"192.0.2.1:1","ClientHost":"192.0.2.1","DownstreamContentSize":12,"#
                    + #""DownstreamStatus":200,"Duration":1500000,"RequestHost":"t.example","RequestMethod":"GET","#
                    + #""RequestPath":"/t?a=1\u0026b=2"}"#,
                "/t", "t.example", 1500, 12
            ),
            (
                #"{"level":"info","ts":1646861401.52,"msg":"handled request","request":{"remote_ip":"192.0.2.1","#
                    + #""proto":"h2","method":"GET","host":"c.example","uri":"/c","#
                    + #""headers":{"Accept-Language":["de","en"]}},"#
                    + #""duration":0.25,"size":77,"status":200,"resp_headers":{"Etag":["\"q\""]}}"#,
                "/c", "c.example", 250_000, 77
            ),
        ])
    func others(text: String, path: String, host: String, microseconds: Int, bytes: Int) throws {
        let line = try #require(ReadLine(text))
        #expect(line.path == path && line.host == host && line.method == "GET" && line.entry.status == 200)
        #expect(line.entry.microseconds == microseconds && line.entry.bytes == bytes)
        #expect(line.entry.client?.description == "192.0.2.1")
    }

    @Test("escapes are undone, and half of a surrogate pair harms nothing")
    func escapes() throws {
        let line = try #require(
            ReadLine(#"{"method":"GET","path":"\/a\u0026\u00e9\ud83d\ude00\ud800\n","status":200,"size":1}"#))
        #expect(line.path == "/a&é😀\u{FFFD}\n")
    }

    @Test(
        "broken objects and those without a request give nothing",
        arguments: [
            "{", "{}", "{\"", "{\"method\":\"GET\",\"path\":\"/x\",\"status\":200",
            "{\"method\":\"GET\",\"path\":\"/x\"}",
            #"{"method":"GET","path":"/x","status":200}}"#, #"{"method":"GET","path":"/x","status":200} x"#,
            #"{"method":"GET","path":"/x,"status":200}"#, #"{"path":"/x","status":200}"#,
            #"{"a":{"b":[1,2,{"c":null}]}}"#,
        ])
    func broken(line: String) {
        #expect(ReadLine(line) == nil)
    }
}
