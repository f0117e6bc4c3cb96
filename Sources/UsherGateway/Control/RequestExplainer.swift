import NIOCore
package import UsherConfiguration
package import UsherConsole
import UsherHTTP
import UsherReplication
import UsherTransport

/// Says what would happen to a request, by the same parser, router and rules that serve real ones.
package struct RequestExplainer {
    private let snapshot: Snapshot

    init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
    }

    /// For a configuration that does not run.
    package init(_ settings: Settings) {
        self.snapshot = Snapshot(settings, workers: 1, seed: 0)
    }

    /// - Parameter url: `http://host/path?query`, or a path alone.
    package func explain(method: String, url: String, headers: [(String, String)]) -> Explanation {
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
            return explanation
        case .needsMore:
            explanation.refuse("parse", .malformed(Refusal(400, "incomplete")), detail: "the head is not complete")
            return explanation
        }
        self.route(head, &explanation)
        return explanation
    }

    private func route(_ head: RequestHead, _ explanation: inout Explanation) {
        let peer = Peer(address: nil, trusted: [])
        guard let index = self.snapshot.router.match(RequestSource(head, peer: peer)) else {
            explanation.refuse("route", .noRoute, detail: "none of \(self.snapshot.routes.count) routes matches")
            return
        }
        let plan = self.snapshot.routes[index]
        explanation.route = plan.name
        explanation.add("route", "route \(index + 1) of \(self.snapshot.routes.count): \(plan.name)")
        if let refusal = plan.refusal(of: head) {
            explanation.refuse("limit", refusal, detail: "\(refusal.answer.why)")
            return
        }
        explanation.add("limit", "passes")
        switch plan.action {
        case .service(let service):
            explanation.choose(self.snapshot.services[service.service].name, "all of this route's requests go there")
        case .split(let parts):
            let names = parts.map { self.snapshot.services[$0.destination.service].name }
            explanation.choose(names[0], "one of \(names.joined(separator: ", ")) by share; the first is shown")
        case .redirect(let target, let status):
            explanation.answer("redirect", status, "redirects to \(target)")
        case .respond(let status, _):
            explanation.answer("respond", status, "a fixed answer")
        }
    }

    /// Adds which replica would be asked first now, and what the others are.
    func add(
        _ choice: WorkerService.Choice?, of plan: ServicePlan, _ entries: [EndpointBoard.Entry],
        to explanation: inout Explanation
    ) {
        let others = entries.enumerated().filter { !$0.element.isReady }
            .map { "\(plan.replicaName($0.offset)): \($0.element.reason)" }
        let ready = "\(entries.count - others.count) of \(entries.count) ready"
        let notReady = others.isEmpty ? "" : "; not ready: " + others.joined(separator: ", ")
        switch choice {
        case .replica(let index):
            explanation.replica = plan.replicaName(index)
            explanation.add(
                "pick", "\(plan.replicaName(index)) by \(plan.settings.balance.rawValue), \(ready)\(notReady)")
        case .noneReady, .allTried, nil:
            explanation.action = "refuse"
            explanation.status = 503
            explanation.why = "no replica of \(plan.settings.name) is ready"
            explanation.add("pick", "none: \(ready)\(notReady)")
        }
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
