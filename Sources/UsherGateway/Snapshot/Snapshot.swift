import UsherConfiguration
import UsherCore
import UsherTelemetry

/// A configuration made ready and the replicas of this moment, immutable and swapped whole: what every worker goes by.
final class Snapshot: Sendable {
    let settings: Settings
    let router: Router
    let routes: [RoutePlan]
    /// Those of the file in its order, and behind them the shards of the sharded ones.
    let services: [ServicePlan]
    /// In the order of `services`.
    let endpoints: [EndpointSet]
    let quotas: [QuotaPlan]
    let caches: [CachePlan]
    /// Every way in which a route uses a cache.
    let cacheUses: [CacheUse]
    /// What callers' credentials are compared with.
    let credentials: Credentials
    let metricNames: MetricNames

    /// - Parameter seed: keys the router's hash, so that nobody can choose paths that collide.
    init(
        _ settings: Settings, services: [ServicePlan], endpoints: [EndpointSet], quotas: [QuotaPlan] = [],
        caches: [CachePlan] = [], credentials: Credentials = .none, seed: UInt64
    ) {
        self.settings = settings
        self.quotas = quotas
        self.caches = caches
        self.credentials = credentials
        let classes = CallerClasses(settings.identities.classNames)
        self.services = services
        self.endpoints = endpoints
        self.routes = settings.routes.enumerated().map { index, route in
            RoutePlan(
                index: index, route, services: settings.services, quotas: quotas, caches: caches, classes: classes,
                limits: settings.limits, logName: AccessEntry.name(route.name))
        }
        self.cacheUses = self.routes.compactMap(\.cache)
        self.router = Router(settings.routes.map(RoutePattern.init), seed: seed)
        self.metricNames = Self.names(settings, services, endpoints)
    }

    /// The same configuration with other replicas, or other credentials.
    init(_ other: Snapshot, endpoints: [EndpointSet]? = nil, credentials: Credentials? = nil) {
        let endpoints = endpoints ?? other.endpoints
        self.settings = other.settings
        self.services = other.services
        self.endpoints = endpoints
        self.quotas = other.quotas
        self.caches = other.caches
        self.cacheUses = other.cacheUses
        self.credentials = credentials ?? other.credentials
        self.routes = other.routes
        self.router = other.router
        self.metricNames = Self.names(other.settings, other.services, endpoints)
    }

    /// Before the first configuration is in force: nothing is served.
    static func empty(_ settings: Settings, seed: UInt64) -> Snapshot {
        var settings = settings
        settings.services = []
        settings.routes = []
        settings.quotas = []
        settings.caches = []
        return Snapshot(settings, services: [], endpoints: [], seed: seed)
    }

    private static func names(
        _ settings: Settings, _ services: [ServicePlan], _ endpoints: [EndpointSet]
    ) -> MetricNames {
        MetricNames(
            routes: settings.routes.map(\.name), services: services.map(\.name),
            endpoints: endpoints.map { $0.endpoints.map(\.name) }, quotas: settings.quotas.map(\.name),
            caches: settings.caches.map(\.name), classes: settings.identities.classNames)
    }

    func service(named name: String) -> Int? {
        self.services.firstIndex { $0.name == name }
    }
}
