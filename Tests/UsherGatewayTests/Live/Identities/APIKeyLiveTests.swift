import Testing
import UsherTestKit

/// Callers with API keys, and what services learn of them.
@Suite("API keys of requests", .timeLimit(.minutes(2)))
struct APIKeyLiveTests {
    private static let identities = "{ classes: [gold], keys: { file: keys.yaml } }"

    @Test("a key is believed under any spelling of its field's name, and the service learns whose it is")
    func believed() async throws {
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key, CallerKey("other")])
            let gateway = try await stage.gateway(identities: Self.identities)
            for name in ["X-API-Key", "x-api-key", "X-API-KEY", "X_Api_Key", "x_api-key"] {
                let answer = try await gateway.ask(Text.get("/", "\(name): \(key.text)\r\n"))
                #expect(answer.status == 200 && answer.text == "Usher-Identity: acme\nUsher-Class: gold\n", "\(name)")
            }
            #expect(try await gateway.ask(Text.get()).text == "Usher-Class: anonymous\n")
        }
    }

    @Test("a key that is wrong, empty, there twice or nearly right is refused with 401, which says where one goes")
    func refused() async throws {
        try await onStage { stage in
            let key = CallerKey("acme")
            try stage.write("keys.yaml", [key])
            let gateway = try await stage.gateway(identities: Self.identities)
            let fields = [
                "X-API-Key: wrong\r\n", "X-API-Key: \r\n", "x_api_key: wrong\r\n", key.field + key.field,
                key.field + "X_API_Key: wrong\r\n", "X-API-Key: \(key.text), \(key.text)\r\n",
                "X-API-Key: \(key.text.lowercased())\r\n", "X-API-Key: \(key.text.dropLast())\r\n",
                "X-API-Key: \(CallerKey.digest(key.text))\r\n",
            ]
            for field in fields {
                let answer = try await gateway.ask(Text.get("/", field))
                #expect(answer.status == 401, "\(field)")
                #expect(answer.values("WWW-Authenticate") == ["ApiKey realm=\"usher\", header=\"X-API-Key\""])
                #expect(!answer.text.contains("acme"))
            }
            let rejected = "usher_authentications_total{method=\"key\",outcome=\"rejected\"}"
            #expect(try await gateway.metric(rejected) == Double(fields.count))
        }
    }

    @Test("the field has the name that the configuration gives it, and the usual one means nothing then")
    func otherField() async throws {
        try await onStage { stage in
            let key = CallerKey("acme")
            try stage.write("keys.yaml", [key])
            let gateway = try await stage.gateway(identities: "{ keys: { header: X-Shop-Token, file: keys.yaml } }")
            let answer = try await gateway.ask(Text.get("/", "x_shop_TOKEN: \(key.text)\r\n"))
            #expect(answer.text == "Usher-Identity: acme\nUsher-Class: authenticated\n")
            #expect(try await gateway.ask(Text.get("/", "X-API-Key: wrong\r\n")).text == "Usher-Class: anonymous\n")
            #expect(try await gateway.status("X-Shop-Token: wrong\r\n") == 401)
        }
    }

    @Test("no spelling of our own fields passes from a client, in heads, trailers or by way of Connection")
    func forged() async throws {
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key])
            let gateway = try await stage.gateway(identities: Self.identities)
            let lies = [
                "Usher-Identity: root\r\nUsher-Class: root\r\n", "usher-identity: root\r\nUSHER-CLASS: root\r\n",
                "Usher_Identity: root\r\nusher_class: root\r\n", "Usher-Identity: root\r\nUsher-Identity: root\r\n",
                "Usher.Identity: root\r\nUsher-: root\r\n", "Usher-Client-Certificate: CN=root\r\n",
                // Whoever names a field here wants it to end at the next hop.
                "Connection: Usher-Identity, Usher-Class, close\r\n",
            ]
            for lie in lies {
                for (field, truth) in [
                    (key.field, "Usher-Identity: acme\nUsher-Class: gold\n"), ("", "Usher-Class: anonymous\n"),
                ] {
                    #expect(try await gateway.ask(Text.get("/", lie + field)).text == truth, "\(lie)")
                    let chunked = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n"
                    let body = "\r\n2\r\nhi\r\n0\r\nUsher-Identity: root\r\nUsher_Class: root\r\n\r\n"
                    #expect(try await gateway.ask(chunked + field + lie + body).text == truth + "\nhi", "\(lie)")
                }
            }
        }
    }

    @Test("without identities a client's own words about itself do not pass either, and nobody has a class")
    func without() async throws {
        try await onStage { stage in
            let gateway = try await stage.gateway(to: try await stage.mirror())
            let answer = try await gateway.ask(
                Text.get("/", "Usher-Identity: root\r\nUsher-Class: gold\r\nX-API-Key: any\r\n"))
            #expect(answer.status == 200 && answer.text.isEmpty)
        }
    }

    @Test("in HTTP/2 too a key is believed, refused, and our own fields do not pass")
    func http2() async throws {
        try await onStage { stage in
            let key = CallerKey("acme", "gold")
            try stage.write("keys.yaml", [key])
            let gateway = try await stage.gateway(identities: Self.identities)
            var client = try await HTTP2Talk(stage.client(gateway))
            let lies = [("usher-identity", "root"), ("usher_class", "root")]
            let good = try await client.ask("/", [("x-api-key", key.text)] + lies)
            #expect(good.status == 200 && good.text == "Usher-Identity: acme\nUsher-Class: gold\n")
            #expect(try await client.ask("/", [("x-api-key", "wrong")] + lies).status == 401)
            #expect(try await client.ask("/", lies).text == "Usher-Class: anonymous\n")
        }
    }
}
