import Synchronization
import Testing
import UsherTestKit

/// Keys for tokens that an issuer gives out by a URL, and changes.
@Suite("Key sets by URL", .timeLimit(.minutes(4)))
struct KeySetLiveTests {
    private typealias Issuer = TokenIssuer

    /// An issuer's server.
    private final class Server: Sendable {
        private let answer: Mutex<String?>
        let asked = Journal<ReceivedMessage>()

        /// - Parameter answer: nil: it closes connections without a word.
        init(_ answer: String?) { self.answer = Mutex(answer) }

        func says(_ answer: String?) { self.answer.withLock { $0 = answer } }

        func serve(_ peer: RawConnection) async throws {
            guard let request = try await peer.receiveRequest() else { return }
            // First what is said, so that whoever waits for the question finds it answered so.
            let answer = self.answer.withLock { $0 }
            self.asked.note(request)
            if let answer { try await peer.send(answer) }
        }
    }

    /// Longer than the gateway lets pass between two questions, whatever tokens come.
    private static let patience = Duration.seconds(75)

    @Test("tokens wait for keys with 503, new keys are found and old ones forgotten, and a broken set changes nothing")
    func rotation() async throws {
        try await onStage { stage in
            let (old, new, third) = (Issuer.es256("old"), Issuer.es256("new"), Issuer.es256("third"))
            let tokens = (
                old: try await old.field(Issuer.claims("ann")), new: try await new.field(Issuer.claims("ann")),
                third: try await third.field(Issuer.claims("ann"))
            )
            let server = Server(nil)
            let place = try await stage.upstream { try await server.serve($0) }
            let key = CallerKey("acme")
            try stage.write("keys.yaml", [key])
            let gateway = try await stage.gateway(
                identities: "{ keys: { file: keys.yaml }, jwt: { jwks: \"http://\(place.address)/jwks.json?v=1\" } }")
            #expect(server.asked.entries.count >= 1)

            // Nobody knows yet whether a token is good; others are served.
            let early = try await gateway.ask(Text.get("/", tokens.old))
            #expect(early.status == 503 && early.value("Retry-After") == "1", "\(early.text)")
            #expect(try await gateway.status(key.field) == 200)
            #expect(try await gateway.status() == 200)
            server.says(Text.answer("<html>", status: "500 No"))
            try await server.asked.wait(for: server.asked.entries.count + 1)
            #expect(try await gateway.status(tokens.old) == 503)
            server.says(Text.answer(try await Issuer.keySet(old)))
            try await gateway.wait(until: 200, tokens.old)
            let first = try #require(server.asked.entries.first)
            #expect(first.target == "/jwks.json?v=1" && first.value("Host") == "\(place.address)")

            // The issuer changes its keys: the first token with a new one makes us ask, but not at once.
            server.says(Text.answer(try await Issuer.keySet(new)))
            let before = server.asked.entries.count
            #expect(try await gateway.status(tokens.new) == 401)
            for number in 1...20 {
                let made = try await third.field(Issuer.claims("ann", "\"n\":\(number)"))
                #expect(try await gateway.status(made) == 401)
            }
            try await gateway.wait(until: 200, tokens.new, limit: Self.patience)
            #expect(server.asked.entries.count == before + 1)
            #expect(try await gateway.status(tokens.old) == 401)

            // What is no key set, or none at all, leaves those that were there.
            server.says(Text.answer("{\"keys\": \"none\"}"))
            #expect(try await gateway.status(tokens.third) == 401)
            try await server.asked.wait(for: before + 2, limit: Self.patience)
            for answer in [nil, Text.answer("{\"keys\":["), Text.answer("", status: "404 Not Found")] {
                server.says(answer)
                try await server.asked.wait(for: server.asked.entries.count + 1)
                #expect(try await gateway.status(tokens.new) == 200)
                #expect(try await gateway.status(tokens.third) == 401)
            }
            server.says(Text.answer(try await Issuer.keySet(new, third)))
            try await gateway.wait(until: 200, tokens.third)
            #expect(try await gateway.status(tokens.new) == 200)
        }
    }

    @Test("an issuer that goes over to another kind of key is asked for it as soon as a token comes that has one")
    func otherKind() async throws {
        try await onStage { stage in
            let (old, new) = (Issuer.es256("old"), Issuer.edDSA("new"))
            let tokens = (
                old: try await old.field(Issuer.claims("ann")), new: try await new.field(Issuer.claims("ann"))
            )
            let server = Server(Text.answer(try await Issuer.keySet(old)))
            let place = try await stage.upstream { try await server.serve($0) }
            let gateway = try await stage.gateway(identities: "{ jwt: { jwks: \"http://\(place.address)/\" } }")
            #expect(try await gateway.status(tokens.old) == 200)
            server.says(Text.answer(try await Issuer.keySet(new)))
            #expect(try await gateway.status(tokens.new) == 401)
            try await gateway.wait(until: 200, tokens.new, limit: Self.patience)
            #expect(try await gateway.status(tokens.old) == 401)
        }
    }

    @Test("a key set in a file is watched: a changed one is in force within two seconds, a broken one changes nothing")
    func file() async throws {
        try await onStage { stage in
            let (old, new) = (Issuer.es256("old"), Issuer.es256("new"))
            let tokens = (
                old: try await old.field(Issuer.claims("ann")), new: try await new.field(Issuer.claims("ann"))
            )
            try stage.write("jwks.json", try await Issuer.keySet(old))
            let gateway = try await stage.gateway(identities: "{ jwt: { jwks: jwks.json } }")
            #expect(try await gateway.status(tokens.old) == 200)
            #expect(try await gateway.status(tokens.new) == 401)
            // The quickest of some: others use the machine too.
            var quickest = Duration.seconds(60)
            for _ in 1...3 where quickest > .seconds(2) {
                try stage.write("jwks.json", try await Issuer.keySet(new))
                quickest = min(quickest, try await gateway.wait(until: 200, tokens.new))
                #expect(try await gateway.status(tokens.old) == 401)
                try stage.write("jwks.json", try await Issuer.keySet(old))
                quickest = min(quickest, try await gateway.wait(until: 200, tokens.old))
                #expect(try await gateway.status(tokens.new) == 401)
            }
            #expect(quickest < .seconds(2))
        }
    }
}
