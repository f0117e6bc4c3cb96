import UsherCore
import UsherQuotas

/// What can be judged only when the whole file is known: names, repeated elements, the route that need not be written.
enum SettingsCheck {
    /// Missing names that are compared with those there are; later ones are reported without a hint.
    static let hintMaximum = 20

    static func finish(_ settings: Settings, _ root: ConfigurationNode, _ reading: Reading) -> Settings {
        var result = settings
        checkReferences(settings, root, reading)
        checkListeners(settings, root, reading)
        checkRoutes(settings, root, reading)
        checkRequirements(settings, root, reading)
        addImpliedRoute(to: &result, root, reading)
        result.routes = named(result.routes)
        return result
    }

    private static func checkReferences(_ settings: Settings, _ root: ConfigurationNode, _ reading: Reading) {
        // Names as written, so that a service with problems of its own is not also reported as missing.
        report(.service, "there is no service", among: entries(of: "services", in: root).map(\.key), reading)
        report(.quota, "there is no quota", among: entries(of: "quotas", in: root).map(\.key), reading)
        report(.cache, "there is no cache", among: entries(of: "caches", in: root).map(\.key), reading)
        let classes = settings.identities.classNames
        report(.callerClass, "there is no class", among: classes, reading)
        report(.quotaKey, "there is no class", among: classes, beside: QuotaSettings.reservedWords, reading)
    }

    /// - Parameter others: words that could have been meant as well.
    private static func report(
        _ kind: Reading.Reference, _ complaint: String, among names: [String], beside others: [String] = [],
        _ reading: Reading
    ) {
        let known = Set(names)
        var hints: [String: String] = [:]
        for reference in reading.references where reference.kind == kind && !known.contains(reference.name) {
            // A wrong name is compared with every one there is; a file of wrong names would take long.
            if hints.count < hintMaximum, hints[reference.name] == nil {
                hints[reference.name] = Spelling.hint(for: reference.name, among: names + others)
            }
            let hint = hints[reference.name] ?? ""
            reading.note("\(complaint) '\(shown(reference.name))'\(hint)", at: reference.place)
        }
    }

    private static func checkListeners(_ settings: Settings, _ root: ConfigurationNode, _ reading: Reading) {
        // Indices agree with the file only when every element is a mapping.
        guard case .list(let nodes) = value(of: "listeners", in: root)?.content,
            nodes.count == settings.listeners.count
        else { return }
        var taken = TakenAddresses()
        for (index, listener) in settings.listeners.enumerated() {
            let place = Reading.Place(position: nodes[index].position, keyPath: "listeners[\(index)]")
            if !taken.insert(listener.address) {
                reading.note("\(listener.address) is taken by a listener above", at: place)
            }
            if listener.redirectsToTLS { checkRedirect(settings, listener, at: place, reading) }
            var admin = TakenAddresses()
            if admin.insert(settings.admin.address), !admin.insert(listener.address) {
                reading.note("\(listener.address) is taken by admin (\(settings.admin.address))", at: place)
            }
        }
    }

    /// A redirection needs somewhere else to go.
    private static func checkRedirect(
        _ settings: Settings, _ listener: ListenerSettings, at place: Reading.Place, _ reading: Reading
    ) {
        if listener.tls != nil {
            reading.note("redirects to TLS and speaks it already; take `redirect` away", at: place)
        } else if !settings.listeners.contains(where: { $0.tls != nil && $0.address.port != nil }) {
            reading.note("redirects to TLS, but no listener with a port has `tls`", at: place)
        }
    }

    /// A route behind one with the very same conditions never gets a request.
    private static func checkRoutes(_ settings: Settings, _ root: ConfigurationNode, _ reading: Reading) {
        // Unreadable conditions would look like none.
        guard case .list(let nodes) = value(of: "routes", in: root)?.content, nodes.count == settings.routes.count,
            !reading.problems.contains(where: { $0.keyPath.hasPrefix("routes") })
        else { return }
        var seen: [RouteMatch: Int] = [:]
        for (index, route) in settings.routes.enumerated() {
            var match = route.match
            match.methods.sort()
            match.headers.sort { $0.name < $1.name }
            guard let earlier = seen[match] else {
                seen[match] = index
                continue
            }
            let place = Reading.Place(position: nodes[index].position, keyPath: "routes[\(index)]")
            let line = nodes[earlier].position.line
            reading.note("is never reached: routes[\(earlier)] in line \(line) has the same match", at: place)
        }
    }

    /// Somebody must be able to be whom a route wants.
    private static func checkRequirements(_ settings: Settings, _ root: ConfigurationNode, _ reading: Reading) {
        let isSomebody =
            settings.identities.readsCredentials || settings.listeners.contains { $0.tls?.clientAuthorities != nil }
        // Unreadable identities and listeners would look like none.
        let isReadable = !reading.problems.contains {
            $0.keyPath.hasPrefix("identities") || $0.keyPath.hasPrefix("listeners")
        }
        guard !isSomebody, isReadable, case .list(let nodes) = value(of: "routes", in: root)?.content,
            nodes.count == settings.routes.count
        else { return }
        for (index, route) in settings.routes.enumerated()
        where !route.require.isEmpty && !route.require.contains(CallerClass.anonymousName) {
            let place = Reading.Place(position: nodes[index].position, keyPath: "routes[\(index)]")
            reading.note(
                "nobody could use this route: `identities` reads no credentials, and no listener asks for certificates",
                at: place)
        }
    }

    private static func addImpliedRoute(to settings: inout Settings, _ root: ConfigurationNode, _ reading: Reading) {
        guard case .mapping(let top) = root.content, !top.contains(where: { $0.key == "routes" }) else { return }
        let names = entries(of: "services", in: root).map(\.key)
        switch names.count {
        case 0 where !top.contains { $0.key == "services" && !$0.value.isEmpty }:
            // A misspelt `services` has its own problem.
            guard reading.problems.isEmpty else { return }
            reading.note("has nothing to serve: needs the key 'services' or 'routes'", at: root.position)
        case 1:
            if let service = settings.services.first {
                settings.routes = [RouteSettings(name: "", action: .service(service.name))]
            }
        case 0:
            reading.note("needs at least one service", at: root.position)
        default:
            let reason = "with \(names.count) services it says which one gets a request"
            reading.note("needs the key 'routes': \(reason)", at: root.position)
        }
    }

    private static func entries(of key: String, in root: ConfigurationNode) -> [ConfigurationNode.Entry] {
        guard case .mapping(let entries) = value(of: key, in: root)?.content else { return [] }
        return entries
    }

    private static func value(of key: String, in root: ConfigurationNode) -> ConfigurationNode? {
        guard case .mapping(let top) = root.content else { return nil }
        return top.first { $0.key == key }?.value
    }

    /// Names from the conditions; each is used once.
    private static func named(_ routes: [RouteSettings]) -> [RouteSettings] {
        var counts: [String: Int] = [:]
        return routes.map { route in
            var route = route
            let text = (route.match.host?.description ?? "") + (route.match.path?.description ?? "")
            let base = text.isEmpty ? "*" : text
            counts[base, default: 0] += 1
            let count = counts[base, default: 1]
            route.name = count == 1 ? base : "\(base)#\(count)"
            return route
        }
    }
}
