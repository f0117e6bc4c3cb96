import Foundation
import Testing
import UsherTestKit

/// Files of credentials that change while requests come.
@Suite("Files of credentials", .timeLimit(.minutes(2)))
struct CredentialFileTests {
    private static let identities = "{ classes: [gold], keys: { file: keys.yaml }, basic: { file: users.yaml } }"

    @Test("an added key works within two seconds, and a revoked one is refused within two")
    func addedAndRevoked() async throws {
        try await onStage { stage in
            let (first, second) = (CallerKey("first"), CallerKey("second"))
            try stage.write("keys.yaml", [first])
            try stage.write("users.yaml", "")
            let gateway = try await stage.gateway(identities: Self.identities)
            let client = try await stage.client(gateway)
            #expect(try await client.ask(Text.get("/", first.field)).status == 200)
            // The quickest of some: others use the machine too.
            var quickest = (added: Duration.seconds(60), revoked: Duration.seconds(60))
            for _ in 1...3 where quickest.added > .seconds(2) || quickest.revoked > .seconds(2) {
                #expect(try await gateway.status(second.field) == 401)
                try stage.write("keys.yaml", [first, second])
                quickest.added = min(quickest.added, try await gateway.wait(until: 200, second.field))
                try stage.write("keys.yaml", [first])
                quickest.revoked = min(quickest.revoked, try await gateway.wait(until: 401, second.field))
            }
            #expect(quickest.added < .seconds(2) && quickest.revoked < .seconds(2))
            // The same connection as at the beginning.
            #expect(try await client.ask(Text.get("/", first.field)).status == 200)
            #expect(try await client.ask(Text.get("/", second.field)).status == 401)
        }
    }

    @Test("another class holds without a restart, and so do another password and a removed user")
    func changed() async throws {
        try await onStage { stage in
            let (ann, bob) = (CallerPassword.ann, CallerPassword.bob)
            let key = CallerKey("acme")
            try stage.write("keys.yaml", [key])
            try stage.write("users.yaml", ann.line + bob.line)
            let gateway = try await stage.gateway(
                identities: Self.identities,
                routes: """

                    - { match: { path: /gold }, require: gold, service: web }
                    - { service: web }
                    """)
            #expect(try await gateway.status(key.field, "/gold") == 403)
            #expect(try await gateway.status(ann.field) == 200)
            try stage.write("keys.yaml", key.line.replacing("class: authenticated", with: "class: gold"))
            try await gateway.wait(until: 200, key.field, "/gold")
            try stage.write("keys.yaml", [key])
            try await gateway.wait(until: 403, key.field, "/gold")

            // What was believed before is looked at again: ann has bob's password now, and bob is gone.
            let other = CallerPassword(name: "ann", password: bob.password, hash: bob.hash)
            try stage.write("users.yaml", other.line)
            try await gateway.wait(until: 401, ann.field)
            #expect(try await gateway.ask(Text.get("/", other.field)).text.hasPrefix("Usher-Identity: ann\n"))
            #expect(try await gateway.status(bob.field) == 401)
        }
    }

    @Test("a file that is broken, half written or makes no sense leaves everybody in who was in")
    func broken() async throws {
        try await onStage { stage in
            let (key, late) = (CallerKey("acme", "gold"), CallerKey("late"))
            try stage.write("keys.yaml", [key])
            try stage.write("users.yaml", "")
            let gateway = try await stage.gateway(identities: Self.identities)
            for text in [
                String(key.line.dropLast(40)), "keys: no list", "- { name: acme, class: platinum, sha256: 00 }\n",
                key.line + key.line, "- { name: acme",
            ] {
                try stage.write("keys.yaml", text)
                try stage.write("users.yaml", text)
                // Longer than it takes to notice a good file.
                try await Task.sleep(for: .milliseconds(1600))
                #expect(try await gateway.ask(Text.get("/", key.field)).text.hasSuffix("gold\n"), "\(text)")
            }
            try stage.write("users.yaml", "")
            try stage.write("keys.yaml", [key, late])
            try await gateway.wait(until: 200, late.field)
        }
    }

    @Test("a file that is broken or gone holds up no other")
    func apart() async throws {
        try await onStage { stage in
            let (key, late) = (CallerKey("acme"), CallerKey("late"))
            let (ann, bob) = (CallerPassword.ann, CallerPassword.bob)
            try stage.write("keys.yaml", [key])
            try stage.write("users.yaml", ann.line + bob.line)
            let gateway = try await stage.gateway(identities: Self.identities)
            try stage.write("users.yaml", "- { name: ann")
            try stage.write("keys.yaml", [late])
            try await gateway.wait(until: 200, late.field)
            #expect(try await gateway.status(key.field) == 401)
            #expect(try await gateway.status(ann.field) == 200)
            try FileManager.default.removeItem(atPath: stage.folder + "/keys.yaml")
            try stage.write("users.yaml", ann.line)
            try await gateway.wait(until: 401, bob.field)
            #expect(try await gateway.status(ann.field) == 200)
            #expect(try await gateway.status(late.field) == 200)
        }
    }

    @Test("a reload whose files cannot be used is refused, says which and why, and nothing changes")
    func reload() async throws {
        try await onStage { stage in
            let key = CallerKey("acme")
            try stage.write("keys.yaml", [key])
            try stage.write("broken.yaml", key.line + "- { name: other, class: nobody, sha256: 12 }\n")
            let mirror = try await stage.mirror()
            func yaml(_ identities: String) -> String {
                "identities: \(identities)\nservices: { web: { replicas: \(list(mirror)) } }\n"
            }
            let gateway = try await stage.gateway(yaml("{ keys: { file: keys.yaml } }"))
            for (identities, place, why) in [
                ("{ keys: { file: broken.yaml } }", "broken.yaml:2:", "64 hexadecimal digits"),
                ("{ basic: { file: broken.yaml } }", "broken.yaml:1:", "hash"),
                ("{ jwt: { jwks: broken.yaml } }", "broken.yaml", "JSON"),
                ("{ jwt: { jwks: none.json } }", "none.json", "No such file"),
                ("{ jwt: { secret: { file: none } } }", "/none", "No such file"),
            ] {
                let reloaded = try await gateway.reload(yaml(identities))
                let problems = reloaded.problems.joined(separator: "\n")
                #expect(reloaded.outcome == "refused", "\(identities)")
                #expect(problems.contains(place) && problems.contains(why), "\(problems)")
                #expect(!problems.contains(key.text))
                #expect(try await gateway.status(key.field) == 200)
            }
            let reloaded = try await gateway.reload(yaml("{ keys: { header: X-Other, file: keys.yaml } }"))
            #expect(reloaded.outcome == "applied" && reloaded.paths == ["identities.keys.header"])
            #expect(try await gateway.status("X-Other: \(key.text)\r\n") == 200)
            #expect(try await gateway.status("X-Other: wrong\r\n") == 401)
            #expect(try await gateway.ask(Text.get("/", key.field)).text == "Usher-Class: anonymous\n")
        }
    }

    @Test("files that are not there yet let nobody in, and are read once they are")
    func notThere() async throws {
        try await onStage { stage in
            let key = CallerKey("acme")
            let gateway = try await stage.gateway(identities: Self.identities)
            #expect(try await gateway.status(key.field) == 401)
            #expect(try await gateway.status(CallerPassword.ann.field) == 401)
            try stage.write("keys.yaml", [key])
            try await gateway.wait(until: 200, key.field)
            try stage.write("users.yaml", CallerPassword.ann.line)
            // Its verdict of before is forgotten with the old files.
            try await gateway.wait(until: 200, CallerPassword.ann.field)
        }
    }
}
