import UsherCore

/// A session while it is read: which of the three ways stands in it is known only at its end.
struct SessionDraft {
    var cookie: String?
    var ttl: Duration?
    var hash: [Template]?
    var atMost: Share?
    var follow: Template?

    init() {}

    init(_ settings: SessionSettings) {
        switch settings {
        case .cookie(let name, let ttl): (cookie, self.ttl) = (name, ttl)
        case .hash(let templates, let atMost): (hash, self.atMost) = (templates, atMost)
        case .follow(let template): follow = template
        }
    }

    /// Nil when none of the three could be read; a problem has then been noted.
    var finished: SessionSettings? {
        if let cookie { return .cookie(name: cookie, ttl: ttl ?? SessionSettings.ttlDefault) }
        if let hash { return .hash(hash, atMost: atMost) }
        return follow.map(SessionSettings.follow)
    }
}

extension Kind where Value == SessionSettings {
    static var session: Kind {
        let draft = SessionDraft.shape.kind(hint: "{ cookie: usher-session }")
        return Kind(
            schema: draft.schema, read: { node, reading in draft.read(node, reading)?.finished },
            write: { draft.write(SessionDraft($0)) })
    }
}

extension SessionDraft {
    static let cookieNameMaximum = 128
    static let templatesMaximum = 16

    static var shape: Shape<SessionDraft> {
        let cookie = Kind<String>.token("a cookie's name").checked { name in
            name.utf8.count <= cookieNameMaximum ? nil : "is longer than \(cookieNameMaximum) bytes"
        }
        return Shape(
            initial: SessionDraft(),
            keys: [
                .optional("cookie", \.cookie, cookie, default: "none", "Name of a signed cookie that Usher sets."),
                .optional(
                    "ttl", \.ttl, .duration(.seconds(60)...(.seconds(400 * 86400))),
                    default: SessionSettings.ttlDefault.text, "How long a cookie's session may be silent."),
                .optional(
                    "hash", \.hash, .sessionHash, default: "none",
                    "Values of the request that together choose the replica, such as source-address."),
                .optional(
                    "at-most", \.atMost, .loadBound, default: "not bounded",
                    "The most load of a replica, as a share of the average; beyond it sessions go to the next one."),
                .optional(
                    "follow", \.follow, .followed, default: "none",
                    "A cookie or header that the application sets, such as {cookie.SID}."),
            ],
            choice: Choice(
                keys: ["cookie", "hash", "follow"], reason: "a session is recognised in one way",
                companions: ["ttl": "cookie", "at-most": "hash"]))
    }
}

extension Kind where Value == Share {
    /// Above 100%, at most 1000%: at exactly the average hardly a session could stay where it belongs.
    static var loadBound: Kind {
        share(Share(percent: 0)...Share(percent: 1000)).checked { share in
            share > Share(percent: 100) ? nil : "\(share) is out of range: above 100%, at most 1000%"
        }
    }
}

extension Kind where Value == [Template] {
    /// Templates that together tell one user from another.
    static var sessionHash: Kind {
        list(
            of: .line(bareNames: true), atLeast: 1, hint: "[source-address, destination-address]"
        ).checked { templates in
            guard templates.count <= SessionDraft.templatesMaximum else {
                return "has more than \(SessionDraft.templatesMaximum) elements"
            }
            // Unreadable elements are left out; then there may be none.
            guard !templates.isEmpty, !templates.contains(where: \.differsByRequest) else { return nil }
            return
                "is the same for every request, so one replica would get them all; add something like {header.x-user}"
        }
    }
}

extension Kind where Value == Template {
    /// One place whose value an application sets and a client sends back.
    static var followed: Kind {
        line(bareNames: false).checked { template in
            guard template.parts.count == 1, case .variables(let variables)? = template.parts.first,
                variables.allSatisfy(\.isSetByApplications)
            else {
                return "'\(shown(template.description))' cannot be followed; write one place with a cookie or header, "
                    + "such as {cookie.SID} or {header.x-session}"
            }
            return nil
        }
    }
}

extension Template {
    /// False when all requests to one service give the same text.
    var differsByRequest: Bool {
        parts.contains { part in
            guard case .variables(let variables) = part else { return false }
            return variables.contains { $0 != .service }
        }
    }
}

extension Template.Variable {
    fileprivate var isSetByApplications: Bool {
        switch self {
        case .cookie, .header: true
        default: false
        }
    }
}
