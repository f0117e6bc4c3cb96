import UsherCore

/// A route while it is read: which of the four actions stands in it is known only at its end.
struct RouteDraft {
    struct Redirect {
        var to = Template(literal: "")
        var status = 308
    }

    struct Answer {
        var status = 200
        var body = ""
    }

    var settings = RouteSettings(name: "", action: .respond(status: 404, body: ""))
    var service: String?
    var split: [SplitTarget]?
    var redirect: Redirect?
    var respond: Answer?

    init() {}

    init(_ settings: RouteSettings) {
        self.settings = settings
        switch settings.action {
        case .service(let name): service = name
        case .split(let targets): split = targets
        case .redirect(let to, let status): redirect = Redirect(to: to, status: status)
        case .respond(let status, let body): respond = Answer(status: status, body: body)
        }
    }

    var actions: [RouteAction] {
        [
            service.map(RouteAction.service), split.map(RouteAction.split),
            redirect.map { .redirect(to: $0.to, status: $0.status) },
            respond.map { .respond(status: $0.status, body: $0.body) },
        ].compactMap { $0 }
    }

    /// The settings with the one action that was written.
    var finished: RouteSettings {
        var result = settings
        if let action = actions.first { result.action = action }
        return result
    }
}

extension Kind where Value == RouteSettings {
    static var route: Kind {
        RouteDraft.shape.kind(hint: "{ service: web }").map(\.finished, back: RouteDraft.init)
    }
}

extension RouteDraft {
    static var shape: Shape<RouteDraft> {
        Shape(
            initial: RouteDraft(), keys: conditions + edits + rules + results + later,
            choice: Choice(
                keys: ["service", "services", "redirect", "respond"], reason: "a route does one thing"),
            finish: check)
    }

    private static var conditions: [Key<RouteDraft>] {
        [
            .value(
                "match", \.settings.match, RouteMatch.shape.kind(hint: "{ path: /v1/* }"),
                "Conditions that must all hold; without any every request matches.")
        ]
    }

    private static var edits: [Key<RouteDraft>] {
        [
            .optional(
                "strip-prefix", \.settings.stripPrefix, .stripPrefix, default: "nothing",
                "Taken off the path before the request is sent on."),
            .value(
                "headers", \.settings.headers, HeaderEdits.shape.kind(hint: "{ set: { X-Served-By: usher } }"),
                "Edits of the answer's fields."),
            .value(
                "request-headers", \.settings.requestHeaders,
                HeaderEdits.shape.kind(hint: "{ set: { X-From: usher } }"), "Edits of the fields that the service sees."
            ),
        ]
    }

    private static var rules: [Key<RouteDraft>] {
        [
            .value(
                "timeouts", \.settings.timeouts, TimeoutOverrides.shape.kind(hint: "{ total: 5s }"),
                "This route's own time-outs; what is left out is the service's."),
            .value(
                "retries", \.settings.retries, RetryOverrides.shape.kind(hint: "{ attempts: 1 }"),
                "This route's own retry rules; what is left out is the service's."),
            .value(
                "limits", \.settings.limits, RouteLimits.shape.kind(hint: "{ body: 1MiB }"),
                "This route's own limits."),
            .value(
                "encoded-slashes", \.settings.encodedSlashes, .cases(),
                "Whether a path with %2f or %5c is refused (400) or passes as it is."),
            .optional(
                "require", \.settings.requiredClasses, .required, default: "everybody",
                "Who may use the route: authenticated (everybody who is known), a class, or a list of classes."),
            .optional(
                "quota", \.settings.quota, .routeQuota, default: "not limited",
                "The quota that its requests use."),
            .optional(
                "cache", \.settings.cache, .cacheName, default: "none", "The cache that keeps its services' answers."),
        ]
    }

    private static var results: [Key<RouteDraft>] {
        [
            .optional("service", \.service, .serviceName, default: "none", "The service that answers."),
            .optional(
                "services", \.split, .split, default: "none",
                "Services that share the requests; shares add up to 100%."),
            .optional(
                "redirect", \.redirect, Redirect.shape.kind(hint: "{ to: /new }"), default: "none",
                "Sends the client elsewhere."),
            .optional(
                "respond", \.respond, Answer.shape.kind(hint: "{ status: 200, body: \"ok\" }"), default: "none",
                "Answers at once."),
        ]
    }

    private static var later: [Key<RouteDraft>] {
        ["decorate", "fence"].map(Key.later)
    }

    private static func check(_ draft: inout RouteDraft, _ node: ConfigurationNode, _ reading: Reading) {
        guard case .mapping(let entries) = node.content else { return }
        if draft.settings.cache != nil, draft.redirect != nil || draft.respond != nil {
            reading.inside("cache") {
                reading.note(
                    "keeps answers of services, and this route has none",
                    at: entries.first { $0.key == "cache" }?.position ?? node.position)
            }
        }
        if let prefix = draft.settings.stripPrefix, let path = draft.settings.match.path, !path.lies(below: prefix) {
            reading.inside("strip-prefix") {
                reading.note(
                    "\(shown(prefix)) is not the beginning of match.path \(shown(path.description))",
                    at: entries.first { $0.key == "strip-prefix" }?.position ?? node.position)
            }
        }
    }
}

extension PathPattern {
    /// True when every path that matches is `prefix` or begins with it and a slash.
    func lies(below prefix: String) -> Bool {
        switch self {
        case .exact(let path), .prefix(let path): path == prefix || path.hasPrefix(prefix + "/")
        }
    }
}

extension RouteDraft.Redirect {
    static var shape: Shape<RouteDraft.Redirect> {
        let statuses = [301, 302, 303, 307, 308]
        let status = Kind<Int>.int(301...308).checked { status in
            statuses.contains(status) ? nil : "\(status) is not a redirect; it is one of 301, 302, 303, 307, 308"
        }
        return Shape(
            initial: RouteDraft.Redirect(),
            keys: [
                .value("to", \.to, .line, required: true, "A path or a URL; may have {places}, such as {path}."),
                .value("status", \.status, status, "301, 302, 303, 307 or 308."),
            ])
    }
}

extension RouteDraft.Answer {
    static var shape: Shape<RouteDraft.Answer> {
        let body = Kind<String>.content.checked { body in
            body.utf8.count <= 1 << 20 ? nil : "is longer than 1MiB"
        }
        return Shape(
            initial: RouteDraft.Answer(),
            keys: [
                .value("status", \.status, .int(200...599), "Status code of the answer."),
                .value("body", \.body, body, "Text of the answer."),
            ])
    }
}

extension RouteSettings {
    /// What stands in the file: nil when everybody may use the route.
    fileprivate var requiredClasses: [String]? {
        get { require.isEmpty ? nil : require }
        set { require = newValue ?? [] }
    }
}
