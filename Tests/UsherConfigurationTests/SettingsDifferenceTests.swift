import Testing
import UsherConfiguration
import UsherCore

@Suite struct SettingsDifferenceTests {
    private func read(_ text: String) throws -> Settings {
        try ConfigurationReader.read(text: text, file: "/etc/usher.yaml", environment: [:])
    }

    private func lines(_ old: String, _ new: String) throws -> [String] {
        SettingsDifference(from: try read(old), to: try read(new)).entries.map(\.description)
    }

    /// A file with one service, whose keys are the case's.
    private func lines(service old: String, _ new: String) throws -> [String] {
        try lines("services: { web: { \(old) } }", "services: { web: { \(new) } }")
    }

    @Test("the same settings have no difference, however they are written")
    func same() throws {
        let settings = try read(completeConfiguration)
        let difference = SettingsDifference(from: settings, to: settings)
        #expect(difference.isEmpty && difference.text == "")
        #expect(try lines(service: "replicas: [a:1], panic: 0%", "panic: 0.0%, replicas: [{ address: a:1 }]") == [])
    }

    @Test(
        "a change of a service names its key and both values",
        arguments: [
            (
                "replicas: [a:1]", "replicas: [a:1], retries: { attempts: 3 }",
                ["~ services.web.retries.attempts: 2 -> 3"]
            ),
            ("replicas: [a:1], panic: 5%", "replicas: [a:1]", ["~ services.web.panic: 5% -> 0%"]),
            (
                "replicas: [a:1]", "replicas: [a:1], readiness: { path: /r }",
                ["+ services.web.readiness: { path: /r, interval: 2s, timeout: 1s, rise: 2, fall: 3 }"]
            ),
            (
                "replicas: [a:1], session: { cookie: s }", "replicas: [a:1]",
                ["- services.web.session: { cookie: s, ttl: 1h }"]
            ),
            (
                "replicas: [a:1], ejection: none", "replicas: [a:1]",
                ["~ services.web.ejection: none -> { failures: 5, share: 50%, for: 10s, at-most: 50% }"]
            ),
            (
                "replicas: [a:1], session: { hash: [path] }", "replicas: [a:1], session: { hash: [path, host] }",
                ["~ services.web.session.hash: [path] -> [path, host]"]
            ),
            (
                "replicas: { dns: \"a:1\" }", "replicas: { dns: \"a:2\", server: \"1.1.1.1:53\" }",
                ["~ services.web.replicas.dns: a:1 -> a:2", "+ services.web.replicas.server: 1.1.1.1:53"]
            ),
        ] as [(String, String, [String])])
    func services(old: String, new: String, expected: [String]) throws {
        #expect(try lines(service: old, new) == expected)
    }

    @Test("replicas are the same by their address, wherever they stand")
    func replicas() throws {
        let old = "replicas: [a:1, b:1, c:1, \"unix:/x\"]"
        #expect(try lines(service: old, "replicas: [\"unix:/x\", c:1, b:1, a:1]") == [])
        #expect(
            try lines(service: old, "replicas: [d:1, c:1, { address: b:1, weight: 3 }, \"unix:/x\"]") == [
                "+ services.web.replicas[d:1]", "~ services.web.replicas[b:1].weight: 1 -> 3",
                "- services.web.replicas[a:1]",
            ])
        #expect(
            try lines(service: "replicas: [a:1]", "replicas: { dns: \"a:1\" }") == [
                "~ services.web.replicas: [{ address: a:1, weight: 1, backup: false }] -> { dns: a:1, every: 5s }"
            ])
    }

    @Test("services and listeners are the same by name and address")
    func identities() throws {
        let old = """
            listeners: [{ address: 1 }, { address: 2 }, { address: 0 }, { address: 0 }]
            services: { a: { replicas: [a:1] }, b: { replicas: [b:1] } }
            routes: [{ service: b }]
            """
        let new = """
            listeners: [{ address: 0 }, { address: 3 }, { address: 2, trusted-proxies: [10.0.0.0/8] }, { address: 0 }]
            services: { c: { replicas: [c:1] }, b: { replicas: [b:1], host: replica } }
            routes: [{ service: b }]
            """
        #expect(
            try lines(old, new) == [
                "+ listeners[0.0.0.0:3]", "~ listeners[0.0.0.0:2].trusted-proxies: [] -> [10.0.0.0/8]",
                "- listeners[0.0.0.0:1]", "+ services.c", "~ services.b.host: keep -> replica", "- services.a",
            ])
    }

    @Test("routes are the same by name, and a new order of them is said")
    func routes() throws {
        func file(_ routes: String...) -> String {
            "services: { a: { replicas: [a:1] } }\nroutes: [\(routes.joined(separator: ", "))]"
        }
        let (one, two) = ("{ match: { path: /1 }, service: a }", "{ match: { path: /2 }, service: a }")
        let rest = "{ service: a }"
        #expect(try lines(file(one, two, rest), file(two, one, rest)) == ["~ routes: order"])
        #expect(try lines(file(one, two, rest), file(two, rest)) == ["- routes[/1]"])
        #expect(try lines(file(two, rest), file(one, two, rest)) == ["+ routes[/1]"])
        let other = "{ match: { path: /1 }, respond: { status: 204 } }"
        #expect(
            try lines(file(one, two), file(rest, two, other)) == [
                "+ routes[*]", "+ routes[/1].respond: { status: 204, body: \"\" }", "- routes[/1].service: a",
                "~ routes: order",
            ])
    }

    @Test("what a running Usher keeps needs a restart")
    func restart() throws {
        let service = "services: { a: { replicas: [a:1] } }\n"
        let new = """
            workers: 4
            state: other
            secret: { file: s }
            admin: 9901
            log: { access: off, format: combined, level: debug }
            """
        #expect(
            try lines(service, service + new) == [
                "! workers: default -> 4 (needs a restart)", "! state: /etc/.usher -> /etc/other (needs a restart)",
                "! secret: default -> { file: /etc/s } (needs a restart)",
                "! admin.address: 127.0.0.1:9900 -> 0.0.0.0:9901 (needs a restart)",
                "! log.access: /etc/access.log -> off (needs a restart)",
                "! log.format: json -> combined (needs a restart)",
                "~ log.level: info -> debug",
            ])
        #expect(try lines(service + "workers: 2", service) == ["! workers: 2 -> default (needs a restart)"])
    }

    @Test("a changed secret is a change, and stays masked")
    func masked() throws {
        func file(_ secret: String) -> String {
            """
            services: { a: { replicas: { run: [app, "{port}", --token, \(secret), --shown] } } }
            routes: [{ match: { headers: { X-Token: \(secret) } },
                       request-headers: { set: { Authorization: \(secret) } }, service: a }]
            """
        }
        #expect(try lines(file("hidden"), file("hidden")) == [])
        let command = "[app, {port}, --token, ***, --shown]"
        #expect(
            try lines(file("hidden"), file("hiding")) == [
                "~ services.a.replicas.run: \(command) -> \(command)",
                "~ routes[*].match.headers.x-token: *** -> ***",
                "~ routes[*].request-headers.set.Authorization: *** -> ***",
            ])
    }

    @Test("a change is one line of bounded length, whatever the values are")
    func bounded() throws {
        let body = String(repeating: "x\\n", count: 5000)
        let addresses = (1...500).map { "10.0.\($0 / 250).\($0 % 250 + 1)" }.joined(separator: ", ")
        let old = "routes: [{ respond: { body: a } }]\nlisteners: [{ address: \"unix:/a\\nb\" }, { address: 1 }]"
        let listeners = "[{ address: \"unix:/c\\nd\" }, { address: 1, trusted-proxies: [\(addresses)] }]"
        let result = try lines(old, "routes: [{ respond: { body: \"\(body)\" } }]\nlisteners: \(listeners)")
        #expect(result.count == 4)
        #expect(result.allSatisfy { !$0.contains("\n") && $0.count < 500 })
    }

    @Test("every change of a file there is and back again names the same paths")
    func symmetric() throws {
        let small = try read("services: { web: { replicas: [127.0.0.1:9001] } }")
        let large = try read(completeConfiguration)
        let there = SettingsDifference(from: small, to: large).entries
        let back = SettingsDifference(from: large, to: small).entries
        #expect(there.count > 40)
        #expect(Set(there.map(\.path)) == Set(back.map(\.path)))
        let opposite: [SettingsDifference.Kind: SettingsDifference.Kind] = [
            .added: .removed, .removed: .added, .changed: .changed,
        ]
        for entry in there {
            let other = back.first { $0.path == entry.path }
            #expect(
                other?.kind == opposite[entry.kind] && other?.old == entry.new && other?.new == entry.old, "\(entry)")
        }
    }
}
