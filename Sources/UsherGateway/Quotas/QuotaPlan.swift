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
    /// What the shared store calls callers of each class; `keyed` those that the quota's own `key` tells apart.
    private let storeKeys: [(keyed: RedisQuotaKeys, named: RedisQuotaKeys)]
    /// By this process alone; the same one across reloads that leave the number of windows as it was.
    let local: LocalQuotaStore
    /// Nil: this process counts alone.
    let redis: SharedStore?

    /// - Parameters:
    ///   - earlier: the quota of this name before a reload.
    ///   - memory: what callers may take here. Unit: bytes.
    ///   - redis: what all quotas with the same store share.
    init(
        index: Int, _ settings: QuotaSettings, classes: [String], earlier: QuotaPlan?, memory: UInt64,
        redis: SharedStore?
    ) {
        self.index = index
        self.name = settings.name
        self.logName = AccessEntry.name(settings.name)
        self.settings = settings
        self.isDryRun = settings.dryRun
        self.limits = classes.map { name in
            settings.windows(for: name).map { QuotaLimit(name: settings.name, windows: $0) }
        }
        self.storeKeys = classes.map { name in
            (Self.storeKeys(settings, name, isKeyed: true), Self.storeKeys(settings, name, isKeyed: false))
        }
        self.inFlight = classes.map(settings.inFlightMaximum)
        let windows = Self.windows(settings)
        let known = earlier.flatMap { Self.windows($0.settings) == windows ? $0.local : nil }
        self.local = known ?? LocalQuotaStore(windows: windows, memory: memory)
        self.redis = redis
    }

    private static func windows(_ settings: QuotaSettings) -> Int {
        settings.limits.map(\.windows.count).max() ?? 1
    }

    func limit(for callerClass: CallerClass) -> QuotaLimit? {
        self.limits.indices.contains(callerClass.index) ? self.limits[callerClass.index] : nil
    }

    /// - Parameter isKeyed: the quota's own `key` names the caller.
    func storeKeys(for caller: Caller, isKeyed: Bool) -> RedisQuotaKeys {
        let index = caller.callerClass.index
        guard self.storeKeys.indices.contains(index) else {
            return Self.storeKeys(self.settings, String(decoding: caller.className, as: UTF8.self), isKeyed: isKeyed)
        }
        return isKeyed ? self.storeKeys[index].keyed : self.storeKeys[index].named
    }

    /// No class has a name with a slash.
    private static func storeKeys(_ settings: QuotaSettings, _ callerClass: String, isKeyed: Bool) -> RedisQuotaKeys {
        RedisQuotaKeys(quota: settings.name, callerClass: isKeyed ? "\(callerClass)/key" : callerClass)
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

    /// The configuration was checked: a quota of this name exists.
    init?(_ route: RouteQuota, of quotas: [QuotaPlan]) {
        guard let plan = quotas.first(where: { $0.name == route.name }) else { return nil }
        self.plan = plan
        self.costTemplate = route.cost ?? plan.settings.cost
        self.fixedCost = self.costTemplate.constant.map { QuotaCost(written: $0.span).units }
        self.keyTemplate = plan.settings.key
    }

    /// What a request of this route asks for.
    ///
    /// - Parameter scratch: memory that is used again and again; its contents do not matter.
    func question(
        of caller: Caller, _ head: RequestHead, _ peer: Peer, _ route: RoutePlan, _ scratch: inout [UInt8]
    ) -> QuotaQuestion {
        let keyed = self.keyed(caller, head, peer, route, &scratch)
        return QuotaQuestion(
            self.plan, caller, label: keyed ?? (caller.name.isEmpty ? peer.clientLabel(of: head) : caller.name),
            isKeyed: keyed != nil, cost: self.fixedCost ?? self.cost(of: caller, head, peer, route))
    }

    /// What tells this caller from others by the quota's own template; nil: it has no value, and identity or address
    /// do, which count apart, because an identity may be called what another one's template says.
    private func keyed(
        _ caller: Caller, _ head: RequestHead, _ peer: Peer, _ route: RoutePlan, _ scratch: inout [UInt8]
    ) -> [UInt8]? {
        guard let template = self.keyTemplate else { return nil }
        scratch.removeAll(keepingCapacity: true)
        let source = RequestSource(head, peer: peer, caller: caller, plan: route)
        let isPresent = template.render(into: &scratch, from: source)
        // A text alone is one bucket for everybody.
        return isPresent || template.constant != nil ? scratch : nil
    }

    private func cost(of caller: Caller, _ head: RequestHead, _ peer: Peer, _ route: RoutePlan) -> UInt64 {
        var text: [UInt8] = []
        self.costTemplate.render(
            into: &text, from: RequestSource(head, peer: peer, caller: caller, plan: route))
        // Whoever writes it may ask for nothing, and would ask for ever.
        return max(QuotaCost(written: text.span).units, 1)
    }
}
