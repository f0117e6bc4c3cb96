import Testing

@testable import UsherConsole

@Suite struct ConsoleRouteTests {
    @Test(
        "a path stands for one thing, whole and as it is written",
        arguments: [
            ("/", ConsoleRoute.page), ("/livez", .livez), ("/readyz", .readyz), ("/metrics", .metrics),
            ("/api/v1/config", .configuration), ("/api/v1/explain", .explain), ("/api/v1/services", .services),
            ("/api/v1/services/web", .service("web")), ("/api/v1/services/web%20shop", .service("web shop")),
            ("/api/v1/services/a%2Fb/endpoints", .endpoints(of: "a/b")),
            ("/api/v1/services/endpoints", .service("endpoints")),
            ("/api/v1/services/reload/drain", .change(.drain, service: "reload")),
            ("/api/v1/services/web/undrain", .change(.undrain, service: "web")), ("/api/v1/reload", .reload),
            ("/api/v1/quotas", .quotas), ("/api/v1/caches", .caches), ("/api/v1/purge", .purge),
            ("/api/v1/shards", .shards), ("/api/v1/shards/", .nothing), ("/api/v1/shards/web", .nothing),
            ("/api/v1/purge/", .nothing), ("/api/v1/caches/purge", .nothing),
            ("/api/v1/certificates", .certificates), ("/api/v1/certificates/", .nothing),
            ("", .nothing), ("*", .nothing), ("//", .nothing), ("/livez/", .nothing), ("/LIVEZ", .nothing),
            ("/api/v1/services/", .nothing), ("/api/v1/services//drain", .nothing),
            ("/api/v1/services/web/", .nothing), ("/api/v1/services/web/Drain", .nothing),
            ("/api/v1/services/web/drain/", .nothing), ("/api/v1/services/web/endpoints/x", .nothing),
            ("/api/v1/services/web/%64rain", .nothing), ("/api/v1/services/%zz/drain", .nothing),
            ("/api/v1/services/%ff", .nothing), ("/api/v1/reload/", .nothing), ("/api/v1/services/../reload", .nothing),
            ("/livez/../api/v1/reload", .nothing),
        ])
    func paths(path: String, route: ConsoleRoute) {
        #expect(ConsoleRoute(path: path) == route)
    }

    @Test("draining, its undoing, reloading and purging are changes, and nothing else is")
    func changes() {
        let changing: [ConsoleRoute] = [
            .reload, .change(.drain, service: "web"), .change(.undrain, service: "web"), .purge,
        ]
        let reading: [ConsoleRoute] = [
            .page, .livez, .readyz, .metrics, .configuration, .explain, .services, .service("drain"),
            .endpoints(of: "reload"), .certificates, .quotas, .caches, .shards, .nothing,
        ]
        #expect(changing.filter(\.isChange) == changing)
        #expect(reading.filter(\.isChange) == [])
    }
}
