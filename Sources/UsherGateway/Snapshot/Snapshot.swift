import UsherConfiguration
import UsherCore
import UsherTelemetry

/// A configuration made ready, immutable and swapped whole: what every worker routes by.
final class Snapshot: Sendable {
    let settings: Settings
    let router: Router
    let routes: [RoutePlan]
    let services: [ServicePlan]
    let metricNames: MetricNames

    /// - Parameter seed: keys the router's hash, so that nobody can choose paths that collide.
    init(_ settings: Settings, workers: Int, seed: UInt64) {
        self.settings = settings
        self.services = settings.services.enumerated().map { index, service in
            ServicePlan(index: index, service, workers: workers, logName: AccessEntry.name)
        }
        self.routes = settings.routes.enumerated().map { index, route in
            RoutePlan(
                index: index, route, services: settings.services, limits: settings.limits,
                logName: AccessEntry.name(route.name))
        }
        self.router = Router(settings.routes.map(RoutePattern.init), seed: seed)
        self.metricNames = MetricNames(
            routes: settings.routes.map(\.name), services: settings.services.map(\.name),
            endpoints: self.services.map { service in
                service.replicas.indices.map { service.replicaName($0) }
            })
    }
}

extension ServicePlan {
    /// What metrics, logs and tables call a replica: its address, or the service's name and a number when it is run by
    /// us.
    func replicaName(_ index: Int) -> String {
        switch self.settings.replicas {
        case .list(let list): list.indices.contains(index) ? "\(list[index].address)" : ""
        case .run: "\(self.settings.name)/\(index)"
        }
    }
}
