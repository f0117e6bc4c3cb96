import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherQuotas
import UsherStores
import UsherTelemetry
import UsherTransport

/// One quota, ready to be asked; shared by all workers.
final class QuotaPlan: Sendable {
    let index: Int
    let name: String
    /// The name as the access log writes it.
    let logName: [UInt8]
    let settings: QuotaSettings
    /// Counts and logs, and refuses nothing.
    let isDryRun: Bool
    /// By the number of the class; nil: a class that is not limited.
    private let limits: [QuotaLimit?]
    private let inFlight: [Int?]
    /// What the shared store calls callers of each class.
    private let storeKeys: [RedisQuotaKeys]
    /// By this process alone; the same one across reloads that leave the number of windows as it was.
    let local: LocalQuotaStore
    /// Nil: this process counts alone.
    let redis: SharedStore?

    /// - Parameters:
    ///   - earlier: the quota of this name before a reload.
    ///   - redis: what all quotas with the same store share.
    init(
        index: Int, _ settings: QuotaSettings, classes: [String], earlier: QuotaPlan?, redis: SharedStore?
    ) {
        self.index = index
        self.name = settings.name
        self.logName = AccessEntry.name(settings.name)
        self.settings = settings
        self.isDryRun = settings.dryRun
        self.limits = classes.map { name in
            settings.windows(for: name).map { QuotaLimit(name: settings.name, windows: $0) }
        }
        self.storeKeys = classes.map { RedisQuotaKeys(quota: settings.name, callerClass: $0) }
        self.inFlight = classes.map(settings.inFlightMaximum)
        let windows = Self.windows(settings)
        let isKept = earlier.map { Self.windows($0.settings) == windows } ?? false
        self.local = isKept ? earlier?.local ?? LocalQuotaStore(windows: windows) : LocalQuotaStore(windows: windows)
        self.redis = redis
    }

    private static func windows(_ settings: QuotaSettings) -> Int {
        settings.limits.map(\.windows.count).max() ?? 1
    }

    func limit(for callerClass: CallerClass) -> QuotaLimit? {
        self.limits.indices.contains(callerClass.index) ? self.limits[callerClass.index] : nil
    }

    /// Whether one more request of this caller may be on its way; asked before `begin`, which decides.
    func hasRoom(for callerClass: CallerClass, _ key: KeyedHash) -> Bool {
        guard let maximum = self.inFlightMaximum(for: callerClass) else { return true }
        return self.local.inFlight(key) < maximum
    }

    /// There are as many as limits.
    func storeKeys(for callerClass: CallerClass) -> RedisQuotaKeys {
        self.storeKeys[min(callerClass.index, self.storeKeys.count - 1)]
    }

    func inFlightMaximum(for callerClass: CallerClass) -> Int? {
        self.inFlight.indices.contains(callerClass.index) ? self.inFlight[callerClass.index] : nil
    }
}

/// What a route asks of its quota.
final class QuotaUse: Sendable {
    let plan: QuotaPlan
    /// What one request uses; nil: `costTemplate` says it for each.
    private let fixedCost: UInt64?
    private let costTemplate: Template
    /// Nil: callers are told apart by identity or address.
    private let keyTemplate: Template?

    /// Nil when the route has no quota. The configuration was checked: a quota of this name exists.
    init?(_ route: RouteQuota?, of quotas: [QuotaPlan]) {
        guard let route, let plan = quotas.first(where: { $0.name == route.name }) else { return nil }
        self.plan = plan
        self.costTemplate = route.cost ?? plan.settings.cost
        self.fixedCost = self.costTemplate.constant.map { (QuotaCost($0.span) ?? .one).units }
        self.keyTemplate = plan.settings.key
    }

    /// What tells this caller from others: the quota's own template where it has a value, else the identity, else the
    /// address.
    ///
    /// - Parameter scratch: memory that is used again and again; its contents do not matter.
    func label(
        of caller: Caller, _ head: RequestHead, _ peer: Peer, _ route: RoutePlan, _ scratch: inout [UInt8]
    ) -> [UInt8] {
        guard let template = self.keyTemplate else { return Self.label(of: caller, head, peer) }
        scratch.removeAll(keepingCapacity: true)
        let source = RequestSource(head, peer: peer, caller: caller, plan: route)
        let isPresent = template.render(into: &scratch, from: source)
        // A text alone is one bucket for everybody.
        return isPresent || template.constant != nil ? scratch : Self.label(of: caller, head, peer)
    }

    private static func label(of caller: Caller, _ head: RequestHead, _ peer: Peer) -> [UInt8] {
        caller.name.isEmpty ? peer.clientLabel(of: head) : caller.name
    }

    /// What one request uses; what is no number counts as one.
    func cost(of caller: Caller, _ head: RequestHead, _ peer: Peer, _ route: RoutePlan) -> UInt64 {
        if let cost = self.fixedCost { return cost }
        var text: [UInt8] = []
        self.costTemplate.render(
            into: &text, from: RequestSource(head, peer: peer, caller: caller, plan: route))
        return (QuotaCost(text.span) ?? .one).units
    }
}
