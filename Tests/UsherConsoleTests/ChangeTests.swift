import Testing

@testable import UsherConsole

@Suite(.timeLimit(.minutes(1))) struct ChangeTests {
    private static let bearer = "Authorization: Bearer \(operatorDigits)\r\n"
    private static let json = "Content-Type: application/json\r\n"
    private static let path = "/api/v1/services/web%20shop/drain"

    private func post(
        _ port: Int, _ path: String, _ body: String = "", headers: String = bearer + json
    ) async throws -> Answer {
        try await get(port, path, "\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)", method: "POST")
    }

    /// What a drain of `body` comes to.
    private func drain(_ port: Int, _ address: String) async throws -> Answer {
        try await post(port, Self.path, #"{"address": "\#(address)"}"#)
    }

    @Test("an endpoint is drained and taken back by its address")
    func drainAndBack() async throws {
        let source = ScriptedSource()
        try await withServer(source: source) { port in
            let drained = try await drain(port, "127.0.0.1:9001")
            #expect(drained.status == 200)
            #expect(drained.headers["content-type"] == "application/json")
            #expect(try drained.json as? [String: String] == ["outcome": "done", "message": "it is drained"])
            let back = try await post(
                port, "/api/v1/services/web%20shop/undrain", #"{"address":"127.0.0.1:9001"}"#)
            #expect(back.status == 200)
            #expect(try back.json["outcome"] as? String == "unchanged")
        }
        #expect(source.changes == ["drain web shop 127.0.0.1:9001", "undrain web shop 127.0.0.1:9001"])
    }

    @Test("what is not there is 404 and says what is")
    func notThere() async throws {
        try await withServer { port in
            let endpoint = try await drain(port, "127.0.0.1:1")
            #expect(endpoint.status == 404)
            #expect(
                try endpoint.json["error"] as? String
                    == "web shop has no replica '127.0.0.1:1'; there is 127.0.0.1:9001")
            let service = try await post(port, "/api/v1/services/none/drain", #"{"address": "127.0.0.1:9001"}"#)
            #expect(service.status == 404)
            #expect(try service.json["error"] as? String == "there is no service 'none'; there is web shop")
        }
    }

    @Test(
        "a body that is not the expected JSON is 400 and changes nothing",
        arguments: [
            "", "{}", "[]", "null", "drain", #"{"address": 9001}"#, #"{"address": null}"#, #"{"adress": "a:1"}"#,
            #"{"address": "a:1""#, "\u{0}", #"{"address": "\ud800"}"#, String(repeating: "[", count: 60_000),
        ])
    func badBodies(body: String) async throws {
        let source = ScriptedSource()
        try await withServer(source: source) { port in
            let answer = try await post(port, Self.path, body)
            #expect(answer.status == 400)
            #expect(try answer.json["error"] as? String == #"the body must be {"address": "HOST:PORT"}"#)
        }
        #expect(source.changes.isEmpty)
    }

    @Test("a body of 64 KiB is read, a longer one is 413, with its length said or in chunks")
    func longBodies() async throws {
        let source = ScriptedSource()
        try await withServer(source: source) { port in
            let start = #"{"address": "127.0.0.1:9001""#
            let fits = start + String(repeating: " ", count: 64 * 1024 - start.utf8.count - 1) + "}"
            let longest = try await post(port, Self.path, fits)
            #expect(longest.status == 200)
            let tooLong = try await post(port, Self.path, fits + " ")
            #expect(tooLong.status == 413)
            let piece = String(repeating: "x", count: 0x8000)
            let chunks = String(repeating: "8000\r\n\(piece)\r\n", count: 3) + "0\r\n"
            let head = "\(Self.bearer)\(Self.json)Transfer-Encoding: chunked\r\n\r\n"
            let chunked = try await get(port, Self.path, head + chunks, method: "POST")
            #expect(chunked.status == 413)
            #expect(try await get(port, "/livez").status == 200)
        }
        #expect(source.changes.count == 1)
    }

    @Test("a body that ends too early changes nothing")
    func cutBody() async throws {
        let source = ScriptedSource()
        try await withServer(source: source) { port in
            let head = "POST \(Self.path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(Self.bearer)\(Self.json)"
            let text = head + "Content-Length: 100\r\n\r\n" + #"{"address": "127.0.0.1:9001"}"#
            let answer = try await ask(port, text, mayBeEmpty: true)
            #expect(answer.status != 200)
            #expect(try await get(port, "/livez").status == 200)
        }
        #expect(source.changes.isEmpty)
    }

    @Test("without the token, from a foreign page, with a foreign Host or another type nothing is changed")
    func refused() async throws {
        let source = ScriptedSource()
        try await withServer(source: source) { port in
            for (path, body) in [(Self.path, #"{"address": "127.0.0.1:9001"}"#), ("/api/v1/reload", "{}")] {
                let refusals: [(headers: String, status: Int)] = [
                    (Self.json, 401),
                    (Self.json + "Authorization: Bearer \(operatorDigits.dropLast())6\r\n", 401),
                    (Self.json + Self.bearer + "Origin: http://evil.example\r\n", 403),
                    (Self.json + Self.bearer + "Origin: null\r\n", 403),
                    (Self.json + Self.bearer + "Host: evil.example\r\n", 403),
                    (Self.bearer, 415), (Self.bearer + "Content-Type: text/plain\r\n", 415),
                    (Self.bearer + "Content-Type: application/x-www-form-urlencoded\r\n", 415),
                ]
                for (headers, status) in refusals {
                    let answer = try await post(port, path, body, headers: headers)
                    #expect(answer.status == status, "\(headers)")
                }
            }
        }
        #expect(source.changes.isEmpty)
    }

    @Test("a change by anything but POST is 405 with what is allowed", arguments: ["GET", "HEAD", "PUT", "DELETE"])
    func methods(method: String) async throws {
        let source = ScriptedSource()
        try await withServer(source: source) { port in
            for path in [Self.path, "/api/v1/reload", "/api/v1/reload?dry-run=false"] {
                let answer = try await get(port, path, Self.bearer, method: method)
                #expect(answer.status == 405)
                #expect(answer.headers["allow"] == "POST")
            }
        }
        #expect(source.changes.isEmpty)
    }

    @Test("a reload is asked for as it was said, and nothing misspelt is carried out")
    func reload() async throws {
        let source = ScriptedSource()
        try await withServer(source: source) { port in
            for query in ["", "?dry-run=true", "?dry-run=false", "?"] {
                let answer = try await post(port, "/api/v1/reload\(query)", headers: Self.bearer)
                #expect(answer.status == 200, "\(query)")
            }
            for query in [
                "?dryrun=true", "?dry_run=true", "?dry-run", "?dry-run=", "?dry-run=1", "?dry-run=TRUE", "?x=y",
                "?dry-run=true&dry-run=false", "?dry-run=false&x=y", "?dry-run=%zz",
            ] {
                let answer = try await post(port, "/api/v1/reload\(query)", headers: Self.bearer)
                #expect(answer.status == 400, "\(query)")
            }
        }
        #expect(source.changes == ["reload false", "reload true", "reload false", "reload false"])
    }

    @Test("a reload's report has the keys of the contract")
    func reloadReport() async throws {
        let report = ReloadReport(
            outcome: .wouldApply,
            changes: [.init(path: "workers", kind: .changed, old: "2", new: "4", needsRestart: true)],
            notes: ["read it twice"])
        try await withServer(source: ScriptedSource(reloadReport: report)) { port in
            let answer = try await post(port, "/api/v1/reload?dry-run=true", headers: Self.bearer)
            #expect(answer.status == 200)
            let json = try answer.json
            #expect(json["outcome"] as? String == "would-apply")
            #expect(json["problems"] as? [String] == [])
            #expect(json["notes"] as? [String] == ["read it twice"])
            let change = try #require((json["changes"] as? [[String: Any]])?.first)
            #expect(change["path"] as? String == "workers")
            #expect(change["kind"] as? String == "changed")
            #expect(change["old"] as? String == "2")
            #expect(change["new"] as? String == "4")
            #expect(change["needs-restart"] as? Bool == true)
        }
    }

    @Test("a refused file is 422 with its problems")
    func refusedReload() async throws {
        let report = ReloadReport(outcome: .refused, problems: ["usher.yaml:3:5: services.web.replica: unknown key"])
        try await withServer(source: ScriptedSource(reloadReport: report)) { port in
            let answer = try await post(port, "/api/v1/reload", headers: Self.bearer)
            #expect(answer.status == 422)
            #expect(try answer.json["outcome"] as? String == "refused")
            #expect(try answer.json["problems"] as? [String] == report.problems)
        }
    }
}
