/// What `usher status` prints: services, their replicas, and what happened to these.
package struct StatusText {
    let style: TextStyle

    /// Events of one service that are shown; the rest is in the JSON.
    private static let eventsMax = 100

    package init(_ style: TextStyle) {
        self.style = style
    }

    /// The services, and under them the caches when there are some.
    package func text(_ services: [ServiceReport], _ caches: [CacheReport]) -> String {
        let text = self.services(services)
        return caches.isEmpty ? text : text + "\n\n" + CachesText(style).text(caches)
    }

    /// Its columns, without a line yet.
    static var table: TextTable {
        TextTable(
            ["SERVICE", "REPLICA", "STATE"].map { .init(title: $0) }
                + ["IN FLIGHT", "REQUESTS", "FAILURES", "P50 MS", "P99 MS"].map { .init(title: $0, alignment: .right) })
    }

    /// A line a replica, and under those that take no requests why not; of a sharded service a line a shard.
    package func services(_ all: [ServiceReport]) -> String {
        var table = Self.table
        for group in ServiceGroup.all(all) {
            let service = group.service
            guard service.shards == nil else {
                add(group, to: &table)
                continue
            }
            if service.endpoints.isEmpty { table.add([.init(service.name), .init("none", .bad)]) }
            for (index, endpoint) in service.endpoints.enumerated() {
                table.add([
                    .init(index == 0 ? service.name : ""), .init(Self.label(endpoint)),
                    .init(endpoint.state, Self.colour(endpoint.state)), .init("\(endpoint.inFlight)"),
                    .init(Self.count(endpoint.requests)),
                    .init(Self.count(endpoint.failures), endpoint.failures > 0 ? .warning : .none),
                    .init(Self.milliseconds(endpoint.latency?.p50)), .init(Self.milliseconds(endpoint.latency?.p99)),
                ])
                if let why = why(endpoint) { table.addNote(.init(why, .faint), at: 1) }
            }
            if let facts = facts(service) { table.addNote(.init(facts, .faint), at: 1) }
        }
        return table.text(style)
    }

    /// The service's table, and under it the events of its replicas, newest first.
    package func service(_ service: ServiceReport) -> String {
        let events = service.endpoints.flatMap { endpoint in
            (endpoint.events ?? []).map { (replica: endpoint.name ?? endpoint.address, event: $0) }
        }
        guard !events.isEmpty else { return services([service]) + "\n\nNo events yet." }
        // Of equal times the one that was listed last is the newest.
        let newest = events.enumerated().sorted { one, other in
            (one.element.event.at, one.offset) > (other.element.event.at, other.offset)
        }
        var table = TextTable([
            .init(title: "TIME"), .init(title: "REPLICA"), .init(title: "STATE"), .init(title: "WHY"),
        ])
        for (_, element) in newest.prefix(Self.eventsMax) {
            table.add([
                .init(style.time.text(element.event.at)), .init(element.replica),
                .init(element.event.state, Self.colour(element.event.state)), .init(element.event.reason),
            ])
        }
        let older = events.count - Self.eventsMax
        let more = older > 0 ? "\n\(older) older events are shown by --json." : ""
        return services([service]) + "\n\n" + table.text(style) + more
    }

    /// The address, with the name of a replica that Usher runs.
    private static func label(_ endpoint: EndpointReport) -> String {
        let name = endpoint.name.flatMap { $0 == endpoint.address ? nil : " (\($0))" } ?? ""
        return endpoint.address + name + (endpoint.backup ? " backup" : "")
    }

    func why(_ endpoint: EndpointReport) -> String? {
        guard endpoint.state != "ready" else { return nil }
        var parts = [endpoint.reason]
        if let until = endpoint.until { parts.append("until \(style.time.text(until))") }
        if endpoint.state == "drained" {
            // What an operator waits for before stopping the process.
            if endpoint.inFlight > 0 { parts.append(Self.counted(endpoint.inFlight, "request", "still in flight")) }
            if endpoint.tunnels > 0 { parts.append(Self.counted(endpoint.tunnels, "tunnel", "still open")) }
        }
        return "\(parts.joined(separator: ", ")) (since \(style.time.text(endpoint.since)))"
    }

    /// What there is to say of the service as a whole; nil when there is nothing.
    func facts(_ service: ServiceReport) -> String? {
        let tunnels = service.endpoints.reduce(0) { $0 &+ $1.tunnels }
        var facts: [String] = []
        if service.queued > 0 { facts.append(Self.counted(service.queued, "request", "waiting")) }
        if tunnels > 0 { facts.append(Self.counted(tunnels, "tunnel", "open")) }
        if service.retries > 0 {
            facts.append(service.retries == 1 ? "1 retry" : "\(Self.count(service.retries)) retries")
        }
        if let moved = service.sessionsMoved, moved > 0 { facts.append(Self.counted(moved, "session", "moved")) }
        if let discovery = service.discovery { facts.append(Self.text(discovery)) }
        return facts.isEmpty ? nil : facts.joined(separator: ", ")
    }

    private static func text(_ discovery: ServiceReport.Discovery) -> String {
        let answer = discovery.age.map { "\(counted(discovery.count, "replica")) \($0) s ago" }
        let found = "\(discovery.name) gave \(answer ?? "no answer yet")"
        return discovery.error.map { "\(found), and now fails: \($0)" } ?? found
    }

    /// `1 session moved`, `12.3k sessions moved`
    static func counted(_ count: some BinaryInteger, _ noun: String, _ rest: String = "") -> String {
        "\(Self.count(UInt64(clamping: count))) \(noun)\(count == 1 ? "" : "s")" + (rest.isEmpty ? "" : " \(rest)")
    }

    /// Four digits at least are exact: `9999`, `12.3k`, `4.5M`, `6.7G`.
    static func count(_ value: UInt64) -> String {
        guard value >= 10_000 else { return "\(value)" }
        for (unit, letter) in [(UInt64(1_000_000_000), "G"), (1_000_000, "M"), (1000, "k")] where value >= unit {
            // Cut, not rounded: 999,999 must not become 1000.0k.
            let tenths = value / (unit / 10)
            return "\(tenths / 10).\(tenths % 10)\(letter)"
        }
        return "\(value)"
    }

    static func milliseconds(_ value: Double?) -> String {
        value.map { "\(($0 * 10).rounded() / 10)" } ?? "-"
    }

    private static func colour(_ state: String) -> TextColour {
        switch state {
        case "ready": .good
        case "starting", "paused", "drained": .warning
        default: .bad
        }
    }
}
