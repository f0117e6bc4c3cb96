import NIOCore
import Testing
import UsherSharding
import UsherTestKit

@Suite("Keys in bodies", .timeLimit(.minutes(1)))
struct BodyKeyTests {
    private static func gateway(_ stage: Stage, _ shards: Shards, _ more: String = "") async throws -> RunningGateway {
        try await stage.gateway(shards.service(key: "\"{body.user.id}\"", nil, more))
    }

    @Test("a JSON body says where it goes, and arrives as it was sent", arguments: [false, true])
    func json(isChunked: Bool) async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 4)
            let gateway = try await Self.gateway(stage, shards)
            let map = try expectedMap(4)
            let client = try await stage.client(gateway)
            for number in 0..<12 {
                let body = "{ \"user\": { \"name\": \"x\", \"id\": \"user-\(number)\" }, \"rest\": [1, 2] }"
                if isChunked {
                    try await client.send(
                        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
                    let (start, rest) = (body.prefix(20), body.dropFirst(20))
                    try await client.send("\(String(start.utf8.count, radix: 16))\r\n\(start)\r\n")
                    try await client.send("\(String(rest.utf8.count, radix: 16))\r\n\(rest)\r\n0\r\n\r\n")
                } else {
                    try await client.send(Text.post(body: body))
                }
                let owner = map.owner("user-\(number)") ?? -1
                #expect(try await client.receiveAnswer().text == "s\(owner)/0")
                #expect(shards.replicas[owner][0].requests.entries.last?.text == body)
            }
        }
    }

    @Test("a number is a key as it is written, and the body of a client that waits to be asked for it is asked for")
    func expected() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 4)
            let gateway = try await Self.gateway(stage, shards)
            let body = "{\"user\":{\"id\":4711}}"
            let client = try await stage.client(gateway)
            try await client.send(
                "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: \(body.utf8.count)\r\n"
                    + "Expect: 100-continue\r\n\r\n")
            #expect(try await client.receiveHead().status == 100)
            try await client.send(body)
            #expect(try await client.receiveAnswer().text == "s\(try expectedMap(4).owner("4711") ?? -1)/0")
        }
    }

    @Test(
        "a body without the field, or that is no JSON, has no key",
        arguments: [
            "", "{}", "{\"user\":{}}", "{\"user\":{\"id\":null}}", "{\"user\":{\"id\":\"\"}}", "user=1",
            "{\"user\":{\"id\":1}", "{\"user\":{\"id\":1,\"id\":2}}", "\u{FEFF}{\"user\":{\"id\":1}}",
        ])
    func missing(body: String) async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 2)
            let gateway = try await Self.gateway(stage, shards)
            #expect(try await gateway.ask(Text.post(body: body)).status == 400)
            #expect(shards.counts == [0, 0])
        }
    }

    /// What the client took for its body used to be taken from the time that the replica had.
    @Test("a slow body leaves the replica all of its time")
    func slowBody() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 1)
            let gateway = try await stage.gateway(
                shards.service(
                    key: "\"{body.user.id}\"", beside: "timeouts: { response: 250ms, total: 400ms }"))
            let client = try await stage.client(gateway)
            let body = "{\"user\":{\"id\":1}}"
            try await client.send(
                "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: \(body.utf8.count)\r\n\r\n{")
            // Time has to pass: that is what this is about.
            try await Task.sleep(for: .milliseconds(600))
            try await client.send(String(body.dropFirst()))
            #expect(try await client.receiveAnswer().status == 200)
        }
    }

    @Test("a body whose length is over the bound is 413 before it is asked for")
    func toldTooLong() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 1)
            let gateway = try await stage.gateway(
                shards.service(key: "\"{body.user.id}\"", nil, "body-limit: 1KiB"))
            let client = try await stage.client(gateway)
            try await client.send(
                "POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n")
            #expect(try await client.receiveHead().status == 413)
            #expect(shards.counts == [0])
        }
    }

    @Test("nobody is asked for an empty body")
    func emptyBody() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 1)
            let gateway = try await Self.gateway(stage, shards)
            let client = try await stage.client(gateway)
            try await client.send(
                "POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n")
            #expect(try await client.receiveHead().status == 400)
        }
    }

    @Test("a request without a body has no key")
    func noBody() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 2)
            let gateway = try await Self.gateway(stage, shards)
            #expect(try await gateway.ask(Text.get()).status == 400)
        }
    }

    @Test("a body that is longer than is read for the key is 413, whether its length was told or not")
    func tooLong() async throws {
        try await onStage { stage in
            let shards = try await Shards(stage, 2)
            let gateway = try await Self.gateway(stage, shards, "body-limit: 1KiB")
            let body = "{\"user\":{\"id\":1},\"rest\":\"" + String(repeating: "x", count: 2000) + "\"}"
            #expect(try await gateway.ask(Text.post(body: body)).status == 413)
            let client = try await stage.client(gateway)
            client.sendInBackground(
                ByteBuffer(
                    string: "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n"))
            #expect(try await client.receiveAnswer().status == 413)
            #expect(shards.counts == [0, 0])
        }
    }
}
