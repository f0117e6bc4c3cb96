import Testing
import UsherConfiguration

/// What a wrong file is answered with, line for line.
@Suite struct ConfigurationProblemTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let lines: [String]

        init(_ text: String, _ lines: String...) {
            self.text = text
            self.lines = lines
        }

        var testDescription: String { text }
    }

    /// A service and a route to it, so that a case shows only its own problems.
    static let web = "services: { web: { replicas: [a:1] } }\n"

    private func check(_ item: Case) {
        do {
            _ = try ConfigurationReader.read(text: item.text, file: "u.yaml", environment: [:])
            Issue.record("it was accepted")
        } catch {
            #expect(error.problems.map(\.description) == item.lines)
        }
    }

    @Test(
        "what is no usable YAML gets one line",
        arguments: [
            Case("", "u.yaml: is empty; `usher init` writes a commented starter"),
            Case("# only a comment\n", "u.yaml: is empty; `usher init` writes a commented starter"),
            Case("---\n", "u.yaml:2:1: is empty; `usher init` writes a commented starter"),
            Case("- a\n", "u.yaml:1:1: must be a mapping, such as services: { web: { ... } }, not a list"),
            Case("text\n", "u.yaml:1:1: must be a mapping, such as services: { web: { ... } }, not a single value"),
            Case("services:\n\tweb: 1\n", "u.yaml:2:1: has a tab where YAML allows only spaces"),
            Case(
                "a: [1\n",
                "u.yaml:2:1: is not valid YAML: did not find expected ',' or ']' while parsing a flow sequence"),
            Case("a: 1\n b: 2\n", "u.yaml:2:3: is not valid YAML: mapping values are not allowed in this context"),
            Case(
                "a: \"x\n",
                "u.yaml:2:1: is not valid YAML: found unexpected end of stream while scanning a quoted scalar"),
            Case("workers: 1\nworkers: 2\n", "u.yaml:1:1: 'workers' stands more than once in one mapping"),
            Case("a: 1\n---\nb: 2\n", "u.yaml:2:1: begins a second document; a configuration is one document"),
            Case("a: \u{0}\n", "u.yaml:1:4: has the control character U+0000, which is not allowed here"),
            Case("a: b\nc: \u{202E}x\n", "u.yaml:2:4: has the invisible character U+202E, which is not allowed here"),
            Case("a: \u{E000}\n", "u.yaml:1:4: has the private-use character U+E000, which is not allowed here"),
            Case(
                "a: !!python/object 1\n",
                "u.yaml:1:4: has a tag (tag:yaml.org,2002:python/object); tags are not used here"),
            Case("[a, b]: 1\n", "u.yaml:1:1: has a list or mapping as a key; keys are plain words"),
            Case("*a : 1\n", "u.yaml:1:1: has an alias as a key; keys are plain words"),
            Case(
                "a: &x { b: 1 }\nc: { <<: *x }\n",
                "u.yaml:2:6: '<<' is not supported; write the keys out, or use an alias for a whole value"),
            Case(
                "a: &check 1\nb: *chekc\n",
                "u.yaml:2:4: there is no anchor &chekc above this alias (did you mean 'check'?)"),
            Case("a: &x [*x]\n", "u.yaml:1:8: there is no anchor &x above this alias"),
            Case("host: *.example.com\n", "u.yaml:1:7: a value that begins with * needs quotes: \"*.example.com\""),
        ])
    func yaml(_ item: Case) {
        check(item)
    }

    @Test(
        "keys that do not exist are named with the nearest that does",
        arguments: [
            Case("wrokers: 1\n" + web, "u.yaml:1:1: wrokers: unknown key (did you mean 'workers'?)"),
            Case(
                "colour: red\n" + web,
                "u.yaml:1:1: colour: unknown key; known here: workers, state, secret, admin, log, limits, "
                    + "listeners, identities, quotas, caches, services, routes"
            ),
            Case("limits: { heads: 1KiB }\n" + web, "u.yaml:1:11: limits.heads: unknown key (did you mean 'head'?)"),
            Case(
                "services: { web: { replicas: [a:1], balence: random, readyness: { path: / } } }",
                "u.yaml:1:37: services.web.balence: unknown key (did you mean 'balance'?)",
                "u.yaml:1:54: services.web.readyness: unknown key (did you mean 'readiness'?)"),
            Case(
                "services: { web: { replica: [a:1] } }",
                "u.yaml:1:20: services.web.replica: unknown key (did you mean 'replicas'?)"),
            Case("services: { web: {} }", "u.yaml:1:18: services.web: needs one of the keys 'replicas' and 'sharded'"),
            Case(
                web + "listeners: [{ adress: 80 }]",
                "u.yaml:2:15: listeners[0].adress: unknown key (did you mean 'address'?)"),
            Case(
                "1: 2\n" + web,
                "u.yaml:1:1: 1: unknown key; known here: workers, state, secret, admin, log, limits, listeners, "
                    + "identities, quotas, caches, services, routes"
            ),
            Case(
                "\"a\\nb\": 2\n" + web,
                "u.yaml:1:1: a\\u{a}b: unknown key; known here: workers, state, secret, admin, log, limits, "
                    + "listeners, identities, quotas, caches, services, routes"
            ),
        ])
    func unknownKeys(_ item: Case) {
        check(item)
    }

    @Test(
        "caches that cannot be",
        arguments: [
            Case(
                "caches: { a: { memory: 1KiB } }\n" + web,
                "u.yaml:1:24: caches.a.memory: 1KiB is out of range: 1MiB to 1024TiB"),
            Case(
                "caches: { a: { memory: 1MiB, object-limit: 16MiB } }\n" + web,
                "u.yaml:1:14: caches.a: object-limit (16MiB) is larger than memory (1MiB)"),
            Case(
                "caches: { a: { key: [\"{service}\"] } }\n" + web,
                "u.yaml:1:22: caches.a.key[0]: {service} is not known yet when a cache is asked"),
            Case(
                "caches: { a: { key: [\"{path}\"], sort-query: true } }\n" + web,
                "u.yaml:1:14: caches.a: sort-query and drop-query do nothing beside a `key`"),
            Case(
                "caches: { a: { drop-query: [\"a*b\"] } }\n" + web,
                "u.yaml:1:29: caches.a.drop-query[0]: can have a `*` at its end only"),
            Case(
                "caches: { pages: {} }\n" + web + "routes: [{ service: web, cache: page }]",
                "u.yaml:3:33: routes[0].cache: there is no cache 'page' (did you mean 'pages'?)"),
            Case(
                "caches: { pages: {} }\n" + web + "routes: [{ respond: {}, cache: pages }]",
                "u.yaml:3:25: routes[0].cache: keeps answers of services, and this route has none"),
        ])
    func caches(_ item: Case) {
        check(item)
    }

    @Test(
        "keys of later versions are never accepted silently",
        arguments: [
            Case(
                "functions: {}\nelections: {}\n" + web,
                "u.yaml:1:1: functions: `functions` is not available in this version",
                "u.yaml:2:1: elections: `elections` is not available in this version"),
            Case(
                "services: { web: { replicas: [a:1], scatter: {} } }",
                "u.yaml:1:37: services.web.scatter: `scatter` is not available in this version"),
            Case(
                web + "routes: [{ service: web, timeouts: { connect: 1s }, retries: { budget: 5%, floor: 1/s } }]",
                "u.yaml:2:38: routes[0].timeouts.connect: `connect` is not available in this version",
                "u.yaml:2:64: routes[0].retries.budget: `budget` is not available in this version",
                "u.yaml:2:76: routes[0].retries.floor: `floor` is not available in this version"),
            Case(
                "services: { web: { replicas: { run: [a, \"{port}\"], count: { min: 1 } } } }",
                "u.yaml:1:59: services.web.replicas.count: scaling is not available in this version; write a number"),
            Case(
                web
                    + "routes: [{ service: web, fence: f, headers: { set: { A: \"{body.a}\" } } }]",
                "u.yaml:2:26: routes[0].fence: `fence` is not available in this version",
                "u.yaml:2:57: routes[0].headers.set.A: {body.a} is read for the key of a sharded service alone, not "
                    + "here"),
        ])
    func laterKeys(_ item: Case) {
        check(item)
    }

    @Test(
        "values of the wrong kind or out of range are refused with their place",
        arguments: [
            Case("workers: 0\n" + web, "u.yaml:1:10: workers: 0 is out of range: 1 to 1024"),
            Case("workers: \"2\"\n" + web, "u.yaml:1:10: workers: '2' is not a whole number"),
            Case("workers: two\n" + web, "u.yaml:1:10: workers: 'two' is not a whole number"),
            Case("workers: 2.5\n" + web, "u.yaml:1:10: workers: '2.5' is not a whole number"),
            Case(
                "workers: 99999999999999999999\n" + web,
                "u.yaml:1:10: workers: 99999999999999999999 is out of range: 1 to 1024"),
            Case("workers: [1]\n" + web, "u.yaml:1:10: workers: must be a single value, not a list"),
            Case("workers:\n" + web, "u.yaml:1:9: workers: has no value"),
            Case(
                "limits: { head-time: 10, idle: 60, body: 5 }\n" + web,
                "u.yaml:1:22: limits.head-time: needs a unit: 250ms, 2s, 5m, 1h, 30d",
                "u.yaml:1:32: limits.idle: needs a unit: 250ms, 2s, 5m, 1h, 30d",
                "u.yaml:1:42: limits.body: needs a unit: 240B, 16KiB, 64MiB, 1GiB"),
            Case(
                "limits: { head: 1MiB, request-line: 2MiB }\n" + web,
                "u.yaml:1:37: limits.request-line: 2MiB is out of range: 64B to 1MiB"),
            Case(
                "limits: { head: 1KiB }\n" + web,
                "u.yaml:1:9: limits: request-line (8KiB) is larger than head (1KiB), of which it is a part"),
            Case(
                "log: { access: stdout, format: yaml, level: information }\n" + web,
                "u.yaml:1:32: log.format: unknown word 'yaml'; it is one of json, combined",
                "u.yaml:1:45: log.level: unknown word 'information'; it is one of trace, debug, info, notice, "
                    + "warning, error, critical"
            ),
            Case("services: { web: { replicas: [] } }", "u.yaml:1:30: services.web.replicas: must not be empty"),
            Case(
                "services: { web: { replicas: a:1 } }",
                "u.yaml:1:30: services.web.replicas: must be a list, such as [127.0.0.1:9001], { run: "
                    + "[command, ...] } or { dns: name:port }"
            ),
            Case(
                "services: { web: { replicas: [a:1, b, a:1] } }",
                "u.yaml:1:36: services.web.replicas[1]: needs a port: b:9001"),
            Case(
                "services: { web: { replicas: [a:1, b:1, A:1] } }",
                "u.yaml:1:41: services.web.replicas[2]: a:1 stands in this list twice; give it a weight instead"),
            Case(
                "services: { web: { replicas: [{ address: a:1, weight: 0, backup: yes }] } }",
                "u.yaml:1:55: services.web.replicas[0].weight: 0 is out of range: 1 to 1000",
                "u.yaml:1:66: services.web.replicas[0].backup: 'yes' is neither true nor false"),
            Case(
                "services: { web: { replicas: [a:1], readiness: {} } }",
                "u.yaml:1:48: services.web.readiness: needs the key 'path'"),
            Case(
                "services: { web: { replicas: [a:1], readiness: /ready } }",
                "u.yaml:1:48: services.web.readiness: must be a mapping, such as { path: /ready }, not a single value"),
            Case(
                "services: { web: { replicas: [a:1], balance: rondom } }",
                "u.yaml:1:46: services.web.balance: unknown word 'rondom' (did you mean 'random'?); it is one of "
                    + "round-robin, random, least-requests, latency"
            ),
            Case(
                "services: { web: { replicas: { run: \"python3 app.py\" } } }",
                "u.yaml:1:37: services.web.replicas.run: 'python3 app.py' is a line for a shell; write a list, "
                    + "such as [python3, app.py, --port, \"{port}\"]"
            ),
            Case(
                "services: { web: { replicas: { run: [sleep, 5] } } }",
                "u.yaml:1:37: services.web.replicas.run: must contain {port}, where the replica learns its port: "
                    + "[python3, app.py, --port, \"{port}\"]"
            ),
            Case(
                "services: { \"a b\": { replicas: [a:1] } }",
                "u.yaml:1:13: services.a b: 'a b' cannot be a name: letters, digits, '-', '_' and '.', at most 63"),
            Case(
                "services: { web: { replicas: [a:1], retries: { attempts: 11, budget: 101%, floor: 2 } } }",
                "u.yaml:1:58: services.web.retries.attempts: 11 is out of range: 1 to 10",
                "u.yaml:1:70: services.web.retries.budget: 101% is out of range: 0% to 100%",
                "u.yaml:1:83: services.web.retries.floor: needs a unit: 100/s, 60/min, 1000/h, 1/d"),
            Case(
                "admin: localhost:9900\n" + web,
                "u.yaml:1:8: admin: 'localhost' is not an address of this machine; write numbers, such as "
                    + "127.0.0.1 or 0.0.0.0"
            ),
        ])
    func values(_ item: Case) {
        check(item)
    }

    @Test(
        "routes are checked against services and each other",
        arguments: [
            Case(
                web + "routes: [{ service: wbe }]",
                "u.yaml:2:21: routes[0].service: there is no service 'wbe' (did you mean 'web'?)"),
            Case(
                web + "routes: [{ services: { web: 50%, other: 40% } }]",
                "u.yaml:2:22: routes[0].services: the shares add up to 90%, not 100%",
                "u.yaml:2:34: routes[0].services.other: there is no service 'other'"),
            Case(
                web + "routes: [{ match: { path: /a } }]",
                "u.yaml:2:10: routes[0]: needs one of the keys 'service', 'services', 'redirect' and 'respond'"),
            Case(
                web + "routes: [{ service: web, respond: { status: 200 } }]",
                "u.yaml:2:26: routes[0]: has both 'service' and 'respond'; a route does one thing"),
            Case(
                web
                    + "routes:\n  - { match: { path: /a, methods: [GET, PUT] }, service: web }\n  - { match: { "
                    + "path: /%61, methods: [PUT, GET] }, service: web }",
                "u.yaml:4:5: routes[1]: is never reached: routes[0] in line 3 has the same match"),
            Case(web + "routes: []", "u.yaml:2:9: routes: must not be empty"),
            Case(web + "routes:", "u.yaml:2:8: routes: must be a list, such as [{ service: web }], not nothing"),
            Case(
                "services: { a: { replicas: [a:1] }, b: { replicas: [b:1] } }",
                "u.yaml:1:1: needs the key 'routes': with 2 services it says which one gets a request"),
            Case("services: {}", "u.yaml:1:1: needs at least one service"),
            Case("workers: 1", "u.yaml:1:1: has nothing to serve: needs the key 'services' or 'routes'"),
            Case(
                web + "routes: [{ match: { path: /v1/* }, strip-prefix: /v2, service: web }]",
                "u.yaml:2:36: routes[0].strip-prefix: /v2 is not the beginning of match.path /v1/*"),
            Case(
                web
                    + "routes: [{ match: { host: \"a:80\", path: v1, methods: [get], headers: { \"a b\": 1, X: "
                    + "1, x: 2 } }, service: web }]",
                "u.yaml:2:27: routes[0].match.host: 'a:80' has a port or a scheme; hosts are matched without them",
                "u.yaml:2:41: routes[0].match.path: 'v1' must begin with /",
                "u.yaml:2:54: routes[0].match.methods: methods are written in capitals: GET",
                "u.yaml:2:70: routes[0].match.headers: the field 'x' stands twice",
                "u.yaml:2:72: routes[0].match.headers.a b: 'a b' cannot be a field's name"),
            Case(
                web
                    + "routes: [{ service: web, headers: { set: { Connection: x, A: \"b\\nc\", B: \"{hots}\" }, "
                    + "remove: [Content-Length] } }]",
                "u.yaml:2:44: routes[0].headers.set.Connection: 'Connection' is written by Usher and cannot be edited",
                "u.yaml:2:62: routes[0].headers.set.A: must not contain line breaks or other control characters",
                "u.yaml:2:73: routes[0].headers.set.B: unknown variable '{hots}' (did you mean '{host}'?)",
                "u.yaml:2:93: routes[0].headers.remove: 'Content-Length' is written by Usher and cannot be edited"),
            Case(
                web + "routes: [{ redirect: { status: 304 } }]",
                "u.yaml:2:22: routes[0].redirect: needs the key 'to'",
                "u.yaml:2:32: routes[0].redirect.status: 304 is not a redirect; it is one of 301, 302, 303, 307, 308"),
            Case(
                web + "routes: [{ respond: { status: 100 } }]",
                "u.yaml:2:31: routes[0].respond.status: 100 is out of range: 200 to 599"),
        ])
    func routes(_ item: Case) {
        check(item)
    }

    @Test(
        "listeners that the system would refuse are refused before",
        arguments: [
            Case(
                web + "listeners: [{ address: 8080 }, { address: \"127.0.0.1:8080\" }]",
                "u.yaml:2:32: listeners[1]: 127.0.0.1:8080 is taken by a listener above"),
            Case(
                web + "listeners: [{ address: \"127.0.0.1:80\" }, { address: 80 }]",
                "u.yaml:2:42: listeners[1]: 0.0.0.0:80 is taken by a listener above"),
            Case(
                web + "listeners: [{ address: \"[::1]:80\" }, { address: 80 }, { address: \"[::]:80\" }]",
                "u.yaml:2:55: listeners[2]: [::]:80 is taken by a listener above"),
            Case(
                web + "listeners: [{ address: \"unix:/a\" }, { address: \"unix:/a\" }]",
                "u.yaml:2:37: listeners[1]: unix:/a is taken by a listener above"),
            Case(
                web + "listeners: [{ address: 9900 }]",
                "u.yaml:2:13: listeners[0]: 0.0.0.0:9900 is taken by admin (127.0.0.1:9900)"),
            Case(
                web + "listeners: [{ address: 80, trusted-proxies: [10.0.0.1/8] }]",
                "u.yaml:2:46: listeners[0].trusted-proxies[0]: '10.0.0.1/8' has bits set behind its prefix; the "
                    + "range is 10.0.0.0/8"
            ),
        ])
    func listeners(_ item: Case) {
        check(item)
    }

    @Test(
        "listeners that can stand side by side are accepted",
        arguments: [
            "[{ address: 0 }, { address: 0 }]", "[{ address: \"127.0.0.1:80\" }, { address: \"127.0.0.2:80\" }]",
            "[{ address: \"[::]:80\" }, { address: 80 }]",
        ])
    func sideBySide(listeners: String) throws {
        _ = try ConfigurationReader.read(text: Self.web + "listeners: " + listeners, file: "u.yaml", environment: [:])
    }

    @Test("all problems come at once, in the order of the file")
    func allAtOnce() {
        check(
            Case(
                """
                routes: [{ service: wab }]
                services:
                  web: { replicas: [a], balance: x }
                limits: { fields: 0 }
                worker: 2
                """,
                "u.yaml:1:21: routes[0].service: there is no service 'wab' (did you mean 'web'?)",
                "u.yaml:3:21: services.web.replicas[0]: needs a port: a:9001",
                "u.yaml:3:34: services.web.balance: unknown word 'x'; it is one of round-robin, random, "
                    + "least-requests, latency",
                "u.yaml:4:19: limits.fields: 0 is out of range: 1 to 10000",
                "u.yaml:5:1: worker: unknown key (did you mean 'workers'?)"))
    }
}
