import Testing
import UsherCore

@testable import UsherConfiguration

/// The schema that editors get and the reader that decides must not disagree.
@Suite struct SchemaTests {
    private let schema = schemaJSON()

    private func document(_ text: String) throws -> JSON {
        SchemaValidator.json(of: try YAMLDocument.read(text, file: "u.yaml"))
    }

    @Test(
        "the schema accepts every configuration that the reader accepts",
        arguments: [
            completeConfiguration, starterConfiguration, "services: { web: { replicas: [127.0.0.1:9001] } }",
            "admin: 9901\nroutes: [{ respond: {} }]",
            "limits: { body: none, idle: \"${IDLE:-5s}\" }\nroutes: [{ respond: { body: 1 } }]",
            "services: { web: { replicas: [\"${A:-a:1}\"], balance: \"${B:-random}\" } }\nworkers: \"${W:-2}\"",
            "services: { web: { replicas: { dns: \"a:1\" }, ejection: none, session: { hash: [path.1] } } }",
            "services: { web: { replicas: [a:1], ejection: \"${E:-none}\", panic: \"${P:-1%}\" } }",
        ])
    func accepted(text: String) throws {
        _ = try ConfigurationReader.read(text: text, file: "/u.yaml", environment: [:])
        #expect(SchemaValidator.problems(of: try document(text), in: schema) == [])
    }

    @Test(
        "the schema refuses what the reader refuses for its form",
        arguments: [
            "colour: red", "workers: 0", "workers: two", "limits: { idle: 5 }", "limits: { head: 16KB }",
            "admin: { metrics: yes }",
            "services: { web: {} }", "services: { web: { replicas: [] } }",
            "services: { web: { replicas: [a:1], balance: rondom } }",
            "services: { web: { replicas: [{ address: a:1, weight: 0 }] } }", "routes: [{}]",
            "routes: [{ service: a, respond: {} }]",
            "quotas: { a: { anonymous: 5 } }", "quotas: { a: { dry-run: maybe } }", "caches: { a: { memory: 1 } }",
            "caches: { a: { key: [] } }", "functions: {}",
            "identities: { keys: {} }", "identities: { jwt: { issuer: a } }",
            "routes: [{ service: a, quota: { cost: 1 } }]", "listeners: [{ address: 80, redirect: http }]",
            "services: { web: { replicas: { run: x } } }",
            "services: { web: { replicas: [a:1], panic: 5 } }",
            "services: { web: { replicas: [a:1], session: {} } }",
            "services: { web: { replicas: [a:1], session: { cookie: a, hash: [path] } } }",
            "services: { web: { replicas: [a:1], session: { follow: \"{cookie.a}\", ttl: 1h } } }",
            "services: { web: { replicas: [a:1], ejection: never } }",
            "services: { web: { replicas: { every: 5s } } }",
            "services: { web: { replicas: { dns: \"a:1\", count: 2 } } }",
            "routes: [{ service: a, retries: { budget: 5% } }]",
            "routes: [{ service: a, match: { path: v1 } }]",
        ])
    func refused(text: String) throws {
        #expect(throws: ConfigurationProblems.self) {
            try ConfigurationReader.read(text: text, file: "/u.yaml", environment: [:])
        }
        #expect(SchemaValidator.problems(of: try document(text), in: schema) != [])
    }

    @Test("the complete example writes every key of the schema, so every key reads")
    func everyKeyReads() throws {
        // Beside public keys a secret cannot stand.
        let written = try [completeConfiguration, "identities: { jwt: { secret: { file: s } } }"].reduce(into: Set()) {
            $0.formUnion(SchemaValidator.keyPaths(of: try document($1)))
        }
        let declared = SchemaValidator.keyPaths(ofSchema: schema)
        #expect(declared.subtracting(written) == [])
        #expect(declared.count > 80)
    }

    @Test("every key is documented, and has a default unless it is required or says what is done without it")
    func everyKeyIsDocumented() {
        for (path, property, isRequired) in SchemaValidator.properties(in: schema) {
            let description = property["description"]?.plainText ?? ""
            #expect(description.count > 5, "\(path)")
            let saysDefault = property["default"] != nil || description.contains("Default:")
            #expect(saysDefault != isRequired, "\(path)")
        }
    }

    @Test("the printed schema is JSON and names its dialect")
    func printed() throws {
        let text = configurationSchema()
        // JSON is YAML.
        let json = try document(text)
        #expect(json["$schema"] == .string("https://json-schema.org/draft/2020-12/schema"))
        #expect(json["properties"]?["workers"]?["anyOf"] == schema["properties"]?["workers"]?["anyOf"])
    }
}
