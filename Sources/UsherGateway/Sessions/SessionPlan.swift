import NIOCore
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherReplication

/// How one service recognises the requests of one user; shared by all workers, and the same object across reloads that
/// leave `session:` as it was, because it holds what was learned.
final class SessionPlan: Sendable {
    private enum Kind: Sendable {
        case cookie(CookieSessions)
        case hash([Template])
        case follow(FollowedSessions)
    }

    private let kind: Kind
    /// How uneven hashing may load the replicas; nil: as it falls.
    let bound: LoadBound?

    /// Nil when the service has no sessions.
    init?(_ settings: ServiceSettings, secret: SessionSecret) {
        switch settings.session {
        case .cookie(let name, let ttl):
            self.kind = .cookie(CookieSessions(service: settings.name, cookie: name, ttl: ttl, secret: secret))
            self.bound = nil
        case .hash(let templates, let atMost):
            self.kind = .hash(templates)
            self.bound = atMost.map { LoadBound(atMost: $0) }
        case .follow(let template):
            self.kind = .follow(FollowedSessions(template))
            self.bound = nil
        case nil:
            return nil
        }
    }

    /// The session of a request; nil when it has none, so that any replica will do.
    ///
    /// - Parameters:
    ///   - source: what templates read of the same request.
    ///   - scratch: memory that is used again and again, so that nothing is allocated; its contents do not matter.
    ///   - nowSeconds: since the Unix epoch.
    func recognise(
        _ head: RequestHead, source: borrowing some TemplateSource, scratch: inout [UInt8], nowSeconds: Int,
        now: MonotonicTime
    ) -> Session? {
        switch self.kind {
        case .cookie(let cookies): cookies.recognise(head, nowSeconds: nowSeconds)
        case .hash(let templates): Self.hash(templates, source, &scratch)
        case .follow(let followed): followed.recognise(head, now: now)
        }
    }

    /// Nil unless at least one place in the templates has a value: texts around places recognise nobody.
    private static func hash(
        _ templates: [Template], _ source: borrowing some TemplateSource, _ scratch: inout [UInt8]
    ) -> Session? {
        var hasher = SessionKey.Hasher()
        var isPresent = false
        for template in templates {
            scratch.removeAll(keepingCapacity: true)
            if template.render(into: &scratch, from: source) { isPresent = true }
            hasher.append(part: scratch.span)
        }
        return isPresent ? Session(key: hasher.finish(), isHashed: true) : nil
    }

    /// The line that gives the client its cookie, ended by CR LF; nil when none is needed.
    ///
    /// - Parameters:
    ///   - tag: of the replica that answers.
    ///   - isSecure: whether the client came by TLS.
    func setCookieLine(_ session: Session, tag: EndpointTag, isSecure: Bool, nowSeconds: Int) -> ByteBuffer? {
        guard case .cookie(let cookies) = self.kind, session.needsCookie || session.wanted != tag else { return nil }
        return cookies.line(session, tag: tag, isSecure: isSecure, nowSeconds: nowSeconds)
    }

    /// A replica answered: what the request named, and what the answer names, belongs to it from now on.
    func learn(_ session: Session, from head: ResponseHead, tag: EndpointTag, now: MonotonicTime) {
        guard case .follow(let followed) = self.kind else { return }
        followed.learn(session, from: head, tag: tag, now: now)
    }

    /// How many values are remembered; nil unless the service follows the application's.
    var learnedCount: Int? {
        guard case .follow(let followed) = self.kind else { return nil }
        return followed.count
    }
}
