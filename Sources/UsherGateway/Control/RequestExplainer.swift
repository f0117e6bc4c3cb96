import Logging
import NIOCore
package import UsherConfiguration
package import UsherConsole
import UsherCore
import UsherHTTP
import UsherQuotas
import UsherReplication
import UsherSharding
import UsherStores
import UsherTelemetry
import UsherTransport

/// Says what would happen to a request, by the same parser, router and rules that serve real ones.
package struct RequestExplainer {
    let snapshot: Snapshot
    /// Of the workers, so that nobody guesses passwords here that may not elsewhere; nil: nothing runs.
    let commons: WorkerCommons?

    init(_ snapshot: Snapshot, _ commons: WorkerCommons?) {
        self.snapshot = snapshot
        self.commons = commons
    }

    /// For a configuration that does not run, with the files of `identities`.
    ///
    /// - Throws: `GatewayError` when they cannot be used.
    package static func reading(_ settings: Settings) async throws(GatewayError) -> RequestExplainer {
        let quiet = Logger(label: "usher") { _ in SwiftLogNoOpLogHandler() }
        let credentials: Credentials
        do throws(IdentityProblems) {
            credentials = try await IdentityFiles(logger: quiet).load(settings.identities)
        } catch {
            throw GatewayError(error.sentences.joined(separator: "\n"))
        }
        do {
            return try RequestExplainer(settings, credentials: credentials)
        } catch let problem as NamedFileProblem {
            throw GatewayError("\(problem.key): \(problem.message)")
        } catch {
            throw GatewayError("\(error)")
        }
    }

    /// - Throws: `NamedFileProblem`.
    private init(_ settings: Settings, credentials: Credentials) throws {
        let services = try settings.services.map { service in
            ServicePlan(
                service, workers: 1, sessions: SessionPlan(service, secret: .unknown), tls: nil,
                shards: try service.sharded.map { sharded in
                    try ShardPlan(service, sharded, before: nil, nowSeconds: WallClock.seconds)
                })
        }
        self.commons = nil
        self.snapshot = Snapshot(
            settings, services: services, endpoints: services.map { _ in EndpointSet.none },
            quotas: settings.quotas.enumerated().map { index, quota in
                QuotaPlan(
                    index: index, quota, classes: settings.identities.classNames, earlier: nil, memory: 0,
                    redis: quota.store.map { SharedStore($0, logger: Logger(label: "usher")) })
            },
            caches: settings.caches.enumerated().map { index, cache in CachePlan(index: index, cache, earlier: nil) },
            credentials: credentials, seed: 0)
    }

    /// Whoever explains is on this machine.
    static let client = IPAddress(v4: 0x7f00_0001)

    /// - Parameter url: `http://host/path?query`, or a path alone.
    package func explain(method: String, url: String, headers: [(String, String)]) -> Explanation {
        self.trace(method: method, url: url, headers: headers).0
    }

    /// The same, and what a worker needs to know to choose a replica.
    func trace(method: String, url: String, headers: [(String, String)]) -> (Explanation, ExplainedRequest?) {
        var explanation = Explanation(method: method, url: url, action: "refuse", why: "")
        let (host, target) = Self.split(url)
        var text = "\(method) \(target) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.0.lowercased() == "host" }) { text += "Host: \(host)\r\n" }
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        var input = ByteBuffer(string: text + "\r\n")
        let head = RequestHead()
        let limits = ConnectionLimits(self.snapshot.settings.limits).head
        switch head.parse(&input, limits: limits) {
        case .complete:
            explanation.add("parse", "\(method) \(head.string(head.path)) for host \(head.string(head.authority))")
        case .refused(let refusal):
            explanation.refuse("parse", .malformed(refusal), detail: refusal.reason)
            return (explanation, nil)
        case .needsMore:
            explanation.refuse("parse", .malformed(Refusal(400, "incomplete")), detail: "the head is not complete")
            return (explanation, nil)
        }
        let isSecure = url.lowercased().hasPrefix("https://")
        let peer = Peer(address: Self.client, trusted: [], tls: isSecure ? PeerTLS(version: .tls13) : nil)
        let request = self.route(head, peer, &explanation)
        return (explanation, request)
    }

    private func route(
        _ head: RequestHead, _ peer: Peer, _ explanation: inout Explanation
    ) -> ExplainedRequest? {
        guard let index = self.snapshot.router.match(HeadSource(head)) else {
            explanation.refuse("route", .noRoute, detail: "none of \(self.snapshot.routes.count) routes matches")
            return nil
        }
        let plan = self.snapshot.routes[index]
        explanation.route = plan.name
        explanation.add("route", "route \(index + 1) of \(self.snapshot.routes.count): \(plan.name)")
        guard let caller = self.identify(head, peer, &explanation) else { return nil }
        guard self.limit(plan, caller, head, peer, &explanation) else { return nil }
        if let refusal = plan.refusal(of: head) {
            explanation.refuse("limit", refusal, detail: "\(refusal.answer.why)")
            return nil
        }
        var standIn: Int?
        switch plan.action {
        case .service, .split:
            guard case .goesOn(let status) = self.look(plan, caller, head, peer, &explanation) else { return nil }
            standIn = status
        case .redirect, .respond: break
        }
        switch plan.action {
        case .service(let service):
            return self.choose(
                service.service, "all of this route's requests go there", plan, head, peer, caller, standIn,
                &explanation)
        case .split(let parts):
            let names = parts.map { self.snapshot.services[$0.destination.service].name }
            return self.choose(
                parts[0].destination.service, "one of \(names.joined(separator: ", ")) by share; the first is shown",
                plan, head, peer, caller, standIn, &explanation)
        case .redirect(let target, let status):
            explanation.answer("redirect", status, "redirects to \(target)")
        case .respond(let status, _):
            explanation.answer("respond", status, "a fixed answer")
        }
        return nil
    }

    private func choose(
        _ service: Int, _ why: String, _ route: RoutePlan, _ head: RequestHead, _ peer: Peer, _ caller: Caller,
        _ standIn: Int?, _ explanation: inout Explanation
    ) -> ExplainedRequest? {
        let plan = self.snapshot.services[service]
        explanation.choose(plan.name, why)
        let source = RequestSource(head, peer: peer, caller: caller, plan: route, service: plan)
        var scratch: [UInt8] = []
        if let shards = plan.shards {
            return self.chooseShard(shards, source, &explanation).map { key in
                ExplainedRequest(service: service, key: key, standIn: standIn)
            }
        }
        let session = plan.sessions?.recognise(
            head, source: source, scratch: &scratch, nowSeconds: WallClock.seconds, now: ServiceControl.now)
        if let session { explanation.session = session.description }
        return ExplainedRequest(service: service, session: session, standIn: standIn)
    }

    /// Nil: no shard would get the request.
    private func chooseShard(
        _ shards: ShardPlan, _ source: RequestSource, _ explanation: inout Explanation
    ) -> [UInt8]? {
        var key: [UInt8] = []
        guard shards.rule.append(to: &key, from: source) else {
            if shards.needsBody {
                explanation.add("pick", "a shard by a key in the body, which is not known here")
                return nil
            }
            let detail = "it has no shard key (\(shards.keyDescription))"
            guard let missing = shards.missing else {
                explanation.refuse("pick", .keyMissing, detail: detail)
                return nil
            }
            let name = shards.map.shards[missing].name
            explanation.shard = name
            explanation.add("pick", "shard \(name), where requests without a key go: \(detail)")
            return []
        }
        guard let owner = shards.map.owner(of: key.span, ShardKey(key.span)) else {
            explanation.refuse("pick", .keyUnlisted, detail: "no shard lists the key '\(shards.rule.shown(key.span))'")
            return nil
        }
        let name = shards.map.shards[owner].name
        explanation.shard = name
        explanation.add(
            "pick",
            "shard \(name) owns the key '\(shards.rule.shown(key.span))' by \(shards.map.function.name) "
                + "(1 of \(shards.map.shards.count), epoch \(shards.epoch))")
        return key
    }

    /// Adds which replica would be asked first now, and what the others are.
    func add(
        _ choice: ExplainedChoice, of request: ExplainedRequest, _ plan: ServicePlan,
        _ records: [EndpointID: EndpointRecord], to explanation: inout Explanation
    ) {
        let chosen = choice.endpoints.first { $0.isChosen }
        explanation.endpoints = choice.endpoints.compactMap { endpoint in
            records[endpoint.id].map { Self.verdict(on: endpoint, $0, choice, plan) }
        }
        if let shard = choice.shard, shard.name != explanation.shard {
            explanation.shard = shard.name
            explanation.add("pick", "shard \(shard.name) instead: \(shard.why)")
        }
        let readyCount = choice.endpoints.count { $0.isReady }
        let ready = "\(readyCount) of \(choice.endpoints.count) may be picked"
        let panic = choice.isPanicking ? "; too few are ready, so all that once were are used" : ""
        guard let chosen, let record = records[chosen.id] else {
            explanation.action = request.standIn == nil ? "refuse" : "cache"
            explanation.status = request.standIn ?? 503
            let standsIn = request.standIn == nil ? "" : "; a stale answer of the cache stands in"
            explanation.why = "no replica of \(plan.name) is ready" + standsIn
            explanation.add("pick", "none: \(ready)" + standsIn)
            return
        }
        explanation.replica = record.plan.name
        if let copies = choice.hotAcross {
            explanation.add(
                "pick",
                "the key is hot: reads of it go to \(copies) shards, each to the one of two that got less lately")
        }
        let home = choice.affinity.map { affinity in
            affinity.copies > 1 ? "one of the \(affinity.copies) replicas of a hot key" : "the key's own replica"
        }
        let how = choice.session.map { "session: \($0.verdict)" } ?? home ?? plan.settings.balance.rawValue
        explanation.add("pick", "\(record.plan.name) by \(how), \(ready)\(panic)")
    }

    private static func verdict(
        on endpoint: ExplainedChoice.Endpoint, _ record: EndpointRecord, _ choice: ExplainedChoice, _ plan: ServicePlan
    ) -> Explanation.Endpoint {
        let load = "\(endpoint.inFlight) in flight on the worker that was asked"
        if endpoint.isChosen {
            let why = choice.session?.verdict ?? "\(plan.settings.balance.rawValue); \(load)"
            return .init(address: record.plan.name, verdict: .chosen, why: why)
        }
        guard endpoint.isReady, !choice.isPanicking || record.condition == .ready else {
            // "drained by an operator" says it already.
            let isSaid = record.reason.hasPrefix(record.condition.word)
            let why = isSaid ? record.reason : "\(record.condition.word): \(record.reason)"
            return .init(address: record.plan.name, verdict: .out, why: why)
        }
        if choice.session?.key != nil {
            return .init(address: record.plan.name, verdict: .notChosen, why: "the session belongs to another replica")
        }
        let why = record.plan.isBackup ? "a backup, used when no other is ready" : "ready; \(load)"
        return .init(address: record.plan.name, verdict: .notChosen, why: why)
    }

    private static func split(_ url: String) -> (host: String, target: String) {
        guard let scheme = url.firstRange(of: "://") else {
            return ("localhost", url.hasPrefix("/") || url == "*" ? url : "/" + url)
        }
        let rest = url[scheme.upperBound...]
        guard let slash = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return (String(rest), "/") }
        let target = rest[slash...]
        return (String(rest[..<slash]), target.hasPrefix("/") ? String(target) : "/" + target)
    }
}

/// A request that is explained, as far as the choice of a replica depends on it.
struct ExplainedRequest: Sendable {
    var service: Int
    var session: Session?
    /// Nil for a service without shards; empty: it has none.
    var key: [UInt8]?
    /// The status of a stale answer that a cache has for the case that the service fails.
    var standIn: Int?
}

/// What one worker would do with such a request.
struct ExplainedChoice: Sendable {
    struct Endpoint: Sendable {
        var id: EndpointID
        var isChosen: Bool
        var isReady: Bool
        var inFlight: Int
    }

    /// Of the service itself, or of the shard that was chosen.
    var control: ServiceControl
    var endpoints: [Endpoint]
    var isPanicking: Bool
    var session: Session?
    /// Nil: any replica of the shard will do.
    var affinity: KeyAffinity?
    /// The key is hot, and so many shards answer for it; nil: it is not.
    var hotAcross: Int?
    /// Where the key goes now, if that is not its owner, and why.
    var shard: (name: String, why: String)?
}

extension Worker {
    func explain(_ request: ExplainedRequest, _ control: ServiceControl) -> ExplainedChoice? {
        guard var service = self.service(of: control) else { return nil }
        var shard: (name: String, why: String)?
        var affinity: KeyAffinity?
        var hotAcross: Int?
        if let key = request.key, let shards = service.shards {
            guard let choice = shards.preview(key) else { return nil }
            if choice.shard != choice.owner {
                shard = (
                    shards.plan.map.shards[choice.shard].name, "the owner has no ready replica, or no room for more"
                )
            }
            service = shards.services[choice.shard]
            hotAcross =
                choice.isHot && shards.plan.settings.hotKeys?.across == .shards
                ? min(choice.copies, shards.services.count) : nil
            affinity = key.isEmpty ? nil : shards.affinity(of: ShardKey(key.span), copies: choice.copies)
        }
        var session = request.session
        let chosen = service.preview(
            session: &session, affinity: affinity, now: self.loop.now, random: self.random)?.id
        let endpoints = service.endpoints.map { endpoint in
            ExplainedChoice.Endpoint(
                id: endpoint.id, isChosen: endpoint.id == chosen, isReady: service.balancer.isReady(endpoint.index),
                inFlight: service.balancer.inFlight(endpoint.index))
        }
        return ExplainedChoice(
            control: service.control, endpoints: endpoints, isPanicking: service.isPanicking, session: session,
            affinity: affinity, hotAcross: hotAcross, shard: shard)
    }
}

extension Explanation {
    mutating func add(_ phase: String, _ decision: String) {
        self.phases.append(.init(phase: phase, decision: decision))
    }

    mutating func refuse(_ phase: String, _ refusal: PathRefusal, detail: String) {
        self.action = "refuse"
        self.status = refusal.answer.status
        self.why = detail
        self.add(phase, "\(refusal.answer.status): \(detail)")
    }

    mutating func choose(_ service: String, _ why: String) {
        self.action = "service"
        self.service = service
        self.why = why
        self.add("pick", "service \(service): \(why)")
    }

    mutating func answer(_ action: String, _ status: Int, _ why: String) {
        self.action = action
        self.status = status
        self.why = why
        self.add("reply", "\(status): \(why)")
    }
}
