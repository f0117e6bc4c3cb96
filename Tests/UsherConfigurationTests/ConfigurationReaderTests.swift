import Testing
import UsherConfiguration
import UsherCore
import UsherReplication

@Suite struct ConfigurationReaderTests {
    private func read(_ text: String, file: String = "/etc/usher/usher.yaml") throws -> Settings {
        try ConfigurationReader.read(text: text, file: file, environment: [:])
    }

    @Test("a file with one service needs nothing else and gets every default")
    func defaults() throws {
        let settings = try read("services: { web: { replicas: [127.0.0.1:9001] } }")
        #expect(settings.file == "/etc/usher/usher.yaml")
        #expect(settings.folder == "/etc/usher")
        #expect(settings.workers == nil)
        #expect(settings.state == "/etc/usher/.usher")
        #expect(settings.secretFile == nil)
        #expect(settings.admin.address.description == "127.0.0.1:9900")
        #expect(!settings.admin.metricsOpen)
        #expect(
            settings.log == LogSettings(access: .file("/etc/usher/access.log"), audit: .file("/etc/usher/audit.log")))
        #expect(settings.limits == LimitSettings())
        #expect(settings.listeners.map(\.address.description) == ["0.0.0.0:8080"])
        let service = ServiceSettings(
            name: "web", replicas: .list([ReplicaSettings(address: .ip(IPAddress(v4: 0x7F00_0001), port: 9001))]))
        #expect(settings.services == [service])
        #expect(settings.routes == [RouteSettings(name: "*", action: .service("web"))])
    }

    @Test("the defaults are those of the documentation")
    func documentedDefaults() throws {
        let limits = LimitSettings()
        #expect(limits.head == .kibibytes(16) && limits.requestLine == .kibibytes(8) && limits.fields == 100)
        #expect(limits.headTime == .seconds(10) && limits.body == nil && limits.bodyRate.bytesPerSecond == 240)
        #expect(limits.idle == .seconds(60) && limits.connections == 65536 && limits.connectionsPerClient == 256)
        let service = ServiceSettings(name: "", replicas: .list([]))
        #expect(service.balance == .leastRequests && service.readiness == nil && service.host == .keep)
        #expect(service.retries.attempts == 2 && service.retries.budget == Share(percent: 20))
        #expect(service.retries.floor == Rate(count: 10, per: .seconds(1)))
        #expect(service.timeouts.connect == .seconds(1) && service.timeouts.response == .seconds(30))
        #expect(service.timeouts.total == .seconds(60) && service.timeouts.idle == .seconds(60))
        #expect(service.connections.perReplica == 256 && service.connections.queue == 128)
        #expect(service.connections.keep == .seconds(60))
        #expect(service.panic == Share(percent: 0) && service.slowStart == .seconds(10) && service.session == nil)
        let ejection = try #require(service.ejection)
        #expect(ejection.failures == 5 && ejection.share == Share(percent: 50))
        #expect(ejection.duration == .seconds(10) && ejection.atMost == Share(percent: 50))
        #expect(DNSSettings(name: "a", port: 1).every == .seconds(5))
        #expect(!ListenerSettings(address: .unix(path: "/a")).proxyProtocol)
        let readiness = ReadinessSettings(path: "/")
        #expect(readiness.interval == .seconds(2) && readiness.timeout == .seconds(1))
        #expect(readiness.rise == 2 && readiness.fall == 3)
    }

    @Test("every key at the top is read")
    func top() throws {
        let settings = try read(completeConfiguration)
        #expect(settings.workers == 3)
        #expect(settings.state == "/etc/usher/var/state")
        #expect(settings.secretFile == "/etc/usher/keys/secret")
        #expect(settings.admin.address.description == "[::1]:9901" && settings.admin.metricsOpen)
        #expect(settings.log.access == .stdout && settings.log.format == .combined && settings.log.level == "warning")
        let limits = settings.limits
        #expect(limits.head == .kibibytes(32) && limits.requestLine == .kibibytes(4) && limits.fields == 50)
        #expect(
            limits.headTime == .seconds(5) && limits.body == .mebibytes(10) && limits.bodyRate.bytesPerSecond == 1024)
        #expect(limits.idle == .seconds(30) && limits.connections == 1000 && limits.connectionsPerClient == 16)
        #expect(
            settings.listeners.map(\.address.description) == [
                "0.0.0.0:8081", "unix:/etc/usher/run/usher.sock", "0.0.0.0:8082", "0.0.0.0:8443",
            ])
        #expect(
            settings.listeners[0].trustedProxies.map(\.description) == ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"])
        #expect(settings.listeners.map(\.proxyProtocol) == [true, false, false, false])
        #expect(settings.listeners.map(\.redirectsToTLS) == [false, false, true, false])
        let tls = try #require(settings.listeners[3].tls)
        #expect(tls.certificates.map(\.key) == ["/etc/usher/certs/site.key", "/etc/usher/certs/site-rsa.key"])
        #expect(tls.minimum == .tls13 && tls.clientCertificate == .request && tls.hsts == .seconds(365 * 86400))
    }

    @Test("every key of a service is read")
    func services() throws {
        let settings = try read(completeConfiguration)
        let web = try #require(settings.services.first)
        #expect(
            settings.services.map(\.name) == [
                "web", "catalogue", "cart", "orders", "profiles", "tenants", "names", "pages",
            ])
        guard case .list(let replicas) = web.replicas else {
            Issue.record("not a list")
            return
        }
        #expect(
            replicas.map(\.address.description) == [
                "127.0.0.1:9001", "127.0.0.1:9002", "[::1]:9003", "unix:/run/web.sock", "web.internal:80",
            ])
        #expect(replicas.map(\.weight) == [1, 2, 1, 1, 1])
        #expect(replicas.map(\.backup) == [false, true, false, false, false])
        #expect(web.balance == .roundRobin && web.host == .replica)
        let readiness = try #require(web.readiness)
        #expect(readiness.path == "/ready?full=1" && readiness.interval == .seconds(3))
        #expect(readiness.timeout == .seconds(2) && readiness.rise == 1 && readiness.fall == 4)
        #expect(web.retries.attempts == 3 && web.retries.budget.description == "12.5%")
        #expect(web.retries.floor.description == "60/min")
        #expect(web.timeouts.connect == .milliseconds(250) && web.timeouts.idle == .seconds(300))
        #expect(web.connections.perReplica == 8 && web.connections.queue == 0 && web.connections.keep == .zero)
        var run = RunSettings(command: ["python3", "catalogue.py", "--port", "{port}"], folder: "/etc/usher")
        run.count = 3
        #expect(settings.services[1].replicas == .run(run))
    }

    @Test("every key of health, discovery and sessions is read")
    func healthAndSessions() throws {
        let services = try read(completeConfiguration).services
        var ejection = EjectionSettings()
        (ejection.failures, ejection.share) = (3, Share(percent: 40))
        (ejection.duration, ejection.atMost) = (.seconds(5), Share(percent: 30))
        #expect(services.prefix(4).map(\.ejection) == [ejection, nil, EjectionSettings(), EjectionSettings()])
        #expect(services[0].panic == Share(percent: 25) && services[0].slowStart == .seconds(30))
        let templates = [
            try Template(text: "source-address/24", bareNames: true), try Template(text: "{header.x-user|cookie.user}"),
        ]
        #expect(services[0].session == .cookie(name: "web-session", ttl: .seconds(7200)))
        #expect(services[1].session == .hash(templates, atMost: Share(percent: 125)))
        #expect(services[2].session == .follow(try Template(text: "{cookie.SID|header.x-session}")))
        #expect(services[3].session == nil)
        var cart = DNSSettings(name: "cart.internal", port: 9000)
        cart.every = .seconds(10)
        cart.server = try ReplicaAddress(text: "[::1]:5353")
        #expect(services[2].replicas == .dns(cart))
        #expect(services[3].replicas == .dns(DNSSettings(name: "_http._tcp.orders.internal", port: nil)))
    }

    @Test(
        "a session is written in one of three ways, and names stand for templates in a hash",
        arguments: [
            ("{ cookie: usher-session }", SessionSettings.cookie(name: "usher-session", ttl: .seconds(3600))),
            ("{ cookie: a, ttl: 1m }", .cookie(name: "a", ttl: .seconds(60))),
            ("{ cookie: a, ttl: 400d }", .cookie(name: "a", ttl: .seconds(400 * 86400))),
            ("{ hash: [source-address] }", .hash([Self.template("source-address")], atMost: nil)),
            (
                "{ hash: [source-address, destination-address], at-most: 1000% }",
                .hash(
                    [Self.template("source-address"), Self.template("destination-address")],
                    atMost: Share(percent: 1000))
            ),
            ("{ hash: [\"{service} {query.u}\"] }", .hash([Self.template("{service} {query.u}")], atMost: nil)),
            ("{ follow: \"{header.X-Session}\" }", .follow(Self.template("{header.X-Session}"))),
        ])
    func sessions(text: String, expected: SessionSettings) throws {
        let settings = try read("services: { a: { replicas: [a:1], session: \(text) } }")
        #expect(settings.services[0].session == expected)
    }

    private static func template(_ text: String) -> Template {
        (try? Template(text: text, bareNames: true)) ?? Template(literal: "unreadable")
    }

    @Test(
        "names to look up are read with a port, or as SRV records",
        arguments: [
            ("Cart.Internal:9000", "cart.internal", 9000), ("localhost:1", "localhost", 1),
            ("cart.internal.:65535", "cart.internal.", 65535),
            ("_http._tcp.cart.internal", "_http._tcp.cart.internal", nil),
            ("_http._tcp.cart.internal.", "_http._tcp.cart.internal.", nil),
            ("_cart.internal:80", "_cart.internal", 80),
        ] as [(String, String, Int?)])
    func discovery(text: String, name: String, port: Int?) throws {
        let settings = try read("services: { a: { replicas: { dns: \"\(text)\" } } }")
        #expect(settings.services[0].replicas == .dns(DNSSettings(name: name, port: port)))
    }

    @Test("two services may share addresses")
    func sharedAddresses() throws {
        let services = "services: { a: { replicas: [a:1] }, b: { replicas: [a:1] } }\n"
        #expect(try read(services + "routes: [{ service: a }]").services.count == 2)
    }

    @Test("the word none may come from a variable")
    func noneFromVariable() throws {
        let settings = try read("services: { a: { replicas: [a:1], ejection: \"${E:-none}\" } }")
        #expect(settings.services[0].ejection == nil)
    }

    @Test("every key of a route is read")
    func routes() throws {
        let routes = try read(completeConfiguration).routes
        #expect(routes.map(\.name) == ["api.example.com/v1/*", "*.example.com", "/old", "/healthz", "*"])
        let first = routes[0]
        #expect(first.match.host == .exact("api.example.com") && first.match.path == .prefix("/v1"))
        #expect(
            first.match.methods == ["GET", "POST"] && first.match.headers == [HeaderMatch(name: "x-beta", value: "1")])
        #expect(first.stripPrefix == "/v1" && first.encodedSlashes == .pass && first.action == .service("web"))
        #expect(first.headers.set.map(\.name) == ["X-Served-By"] && first.headers.remove == ["Server"])
        #expect(first.requestHeaders.set.map(\.value.description) == ["{header.x-user|cookie.user}"])
        #expect(first.limits.body == .unlimited)
        #expect(first.limits.bodyMaximum(inheriting: LimitSettings()) == nil)
        #expect(first.timeouts.applied(to: TimeoutSettings()).response == .seconds(2))
        #expect(first.retries.applied(to: RetrySettings()).attempts == 1)
        #expect(routes[1].match.host == .below("example.com"))
        let split = [
            SplitTarget(service: "web", share: Share(percent: 95)),
            SplitTarget(service: "catalogue", share: Share(percent: 5)),
        ]
        #expect(routes[1].action == .split(split))
        #expect(routes[1].timeouts.applied(to: TimeoutSettings()) == TimeoutSettings())
        #expect(routes[1].retries.applied(to: RetrySettings()) == RetrySettings())
        #expect(routes[2].action == .redirect(to: try Template(text: "/new{path}"), status: 301))
        #expect(routes[3].action == .respond(status: 204, body: ""))
    }

    @Test("repeated host and path get numbered names")
    func routeNames() throws {
        let settings = try read(
            """
            services: { web: { replicas: [a:1] } }
            routes:
              - { match: { path: /a, methods: [GET] }, service: web }
              - { match: { path: /a, methods: [POST] }, service: web }
              - { match: { headers: { x: 1 } }, service: web }
              - { service: web }
            """)
        #expect(settings.routes.map(\.name) == ["/a", "/a#2", "*", "*#2"])
    }

    @Test("relative paths start at the file's folder, whatever the working directory")
    func paths() throws {
        let settings = try read(
            "{ state: ./s, log: { access: /var/log/a }, services: { a: { replicas: [\"unix:s\"] } } }")
        #expect(settings.state == "/etc/usher/s")
        #expect(settings.log.access == .file("/var/log/a"))
        #expect(settings.services[0].replicas == .list([ReplicaSettings(address: .unix(path: "/etc/usher/s"))]))
        #expect(try read("services: { a: { replicas: [a:1] } }", file: "/usher.yaml").state == "/.usher")
        #expect(try read("services: { a: { replicas: [a:1] } }", file: "usher.yaml").folder.hasPrefix("/"))
    }

    @Test("an alias stands for the value of its anchor")
    func aliases() throws {
        let settings = try read(
            """
            services:
              a: { replicas: [a:1], readiness: &check { path: /r, rise: 9 } }
              b: { replicas: [b:1], readiness: *check }
            routes: [{ match: { path: "/*" }, service: a }, { service: b }]
            """)
        #expect(settings.services[1].readiness?.rise == 9)
        #expect(settings.routes[0].match.path == .prefix(""))
    }

    @Test("a thousand routes are read in their order")
    func manyRoutes() throws {
        let lines = (0..<1000).map {
            "  - { match: { host: h\($0 % 10).example.com, path: /p\($0)/* }, service: web }\n"
        }
        let settings = try read("services: { web: { replicas: [a:1] } }\nroutes:\n" + lines.joined())
        #expect(settings.routes.count == 1000)
        #expect(settings.routes[999].name == "h9.example.com/p999/*")
    }
}
