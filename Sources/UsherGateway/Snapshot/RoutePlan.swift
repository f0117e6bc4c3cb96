import NIOCore
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherQuotas
import UsherTransport

/// One route, ready to be followed: everything that does not depend on the request is worked out.
final class RoutePlan: Sendable {
    enum Action: Sendable {
        case service(Destination)
        /// Destinations with the upper end of each one's part of a million.
        case split([(destination: Destination, upTo: Int)])
        case redirect(to: Template, status: Int)
        case respond(status: Int, body: ByteBuffer)
    }

    /// A service as this route uses it.
    struct Destination: Sendable {
        /// The service's index in the plan's own snapshot.
        var service: Int
        var name: String
        /// Unit of all three: nanoseconds.
        var response: UInt64
        var idle: UInt64
        var total: UInt64
        var attempts: Int
    }

    let index: Int
    let name: String
    /// The name as the access log writes it.
    let logName: [UInt8]
    let action: Action
    /// What `strip-prefix` takes off a path's front; empty: nothing.
    let stripPrefix: [UInt8]
    let answerEdits: FieldEdits
    let requestEdits: FieldEdits
    let passesEncodedSlashes: Bool
    /// Longest request body in bytes; nil: any.
    let bodyMax: Int?
    /// Classes that may use it; nil: everybody.
    let classes: Set<CallerClass>?
    /// As the configuration writes them.
    let classNames: [String]
    let quota: QuotaUse?
    let cache: CacheUse?

    init(
        index: Int, _ settings: RouteSettings, services: [ServiceSettings], quotas: [QuotaPlan],
        caches: [CachePlan], classes: CallerClasses, limits: LimitSettings, logName: [UInt8]
    ) {
        self.index = index
        self.classes = classes.allowed(by: settings.require)
        self.classNames = settings.require
        self.quota = settings.quota.flatMap { QuotaUse($0, of: quotas) }
        self.cache = CacheUse(settings, of: caches)
        self.name = settings.name
        self.logName = logName
        self.stripPrefix = Array((settings.stripPrefix ?? "").utf8)
        self.answerEdits = FieldEdits(settings.headers)
        self.requestEdits = FieldEdits(settings.requestHeaders)
        self.passesEncodedSlashes = settings.encodedSlashes == .pass
        self.bodyMax = settings.limits.bodyMaximum(inheriting: limits)?.bytes
        switch settings.action {
        case .service(let name):
            self.action = .service(Destination(name, of: settings, services))
        case .split(let parts):
            var end = 0
            self.action = .split(
                parts.map { part in
                    end += part.share.partsPerMillion
                    return (Destination(part.service, of: settings, services), end)
                })
        case .redirect(let target, let status):
            self.action = .redirect(to: target, status: status)
        case .respond(let status, let body):
            self.action = .respond(status: status, body: ByteBuffer(string: body))
        }
    }
}

extension RoutePlan.Destination {
    /// The configuration was checked: a service of this name exists.
    init(_ name: String, of route: RouteSettings, _ services: [ServiceSettings]) {
        let index = services.firstIndex { $0.name == name } ?? 0
        let timeouts = route.timeouts.applied(to: services[index].timeouts)
        self.init(
            service: index, name: name, response: timeouts.response.nanosecondsClamped,
            idle: timeouts.idle.nanosecondsClamped, total: timeouts.total.nanosecondsClamped,
            attempts: route.retries.applied(to: services[index].retries).attempts)
    }
}

/// A route's changes to a head's fields.
struct FieldEdits: Sendable {
    /// Names to leave out, in lower case: those removed and those set anew.
    let droppedNames: [[UInt8]]
    /// `Strict-Transport-Security` is among them.
    let decidesTransportSecurity: Bool
    /// The lines to add, when no template in them depends on the request.
    let constantLines: ByteBuffer?
    /// The lines to add otherwise: a name with its colon, and a value.
    let templates: [(name: [UInt8], value: Template)]

    init(_ edits: HeaderEdits) {
        let names = (edits.set.map(\.name) + edits.remove).map { $0.lowercased() }
        self.droppedNames = names.map { Array($0.utf8) }
        self.decidesTransportSecurity = names.contains("strict-transport-security")
        var lines = ByteBuffer()
        var isConstant = true
        for assignment in edits.set {
            guard let bytes = assignment.value.constant else {
                isConstant = false
                break
            }
            lines.writeString("\(assignment.name): ")
            lines.writeBytes(bytes)
            lines.writeStaticString("\r\n")
        }
        self.constantLines = isConstant && lines.readableBytes > 0 ? lines : nil
        self.templates = isConstant ? [] : edits.set.map { (Array("\($0.name): ".utf8), $0.value) }
    }

    /// Nothing to change: the usual case.
    var isEmpty: Bool { self.droppedNames.isEmpty }

    /// Appends the lines to add.
    func write(to out: inout ByteBuffer, from source: borrowing RequestSource) {
        if let lines = self.constantLines {
            out.writeImmutableBuffer(lines)
            return
        }
        for (name, template) in self.templates {
            var value: [UInt8] = []
            template.render(into: &value, from: source)
            out.writeBytes(name)
            // A decoded query value can hold anything; a line break must not begin a field of the client's choice.
            out.writeBytes(value.lazy.map { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f ? UInt8(ascii: " ") : $0 })
            out.writeStaticString("\r\n")
        }
    }
}
