internal import NIOCore
internal import UsherHTTP

/// The requests of a run, written down once for the protocol that is spoken.
struct PreparedRequests: Sendable {
    /// One of them in HTTP/1.1.
    struct Plain: Sendable {
        /// Head and body.
        var bytes: NumberedBytes
        /// Decides how an answer ends.
        var method: Method
    }

    /// One of them in HTTP/2.
    struct Framed: Sendable {
        /// Header fields before the path, the path, and those behind it, in HPACK.
        var prefix: ByteBuffer
        var path: NumberedBytes
        var suffix: ByteBuffer
    }

    private(set) var plain: [Plain] = []
    private(set) var framed: [Framed] = []
    let body: ByteBuffer?

    init(_ plan: LoadPlan) {
        body = plan.body.map { ByteBuffer(bytes: $0) }
        for target in plan.targets.distinct {
            if plan.isHTTP2 {
                framed.append(Self.framed(target, plan))
            } else {
                plain.append(Self.plain(target, plan))
            }
        }
    }

    /// What every request says of itself unless the plan's fields do.
    private static let userAgent = "usher-load"

    /// The plan's fields, with those that are missing; the host stands apart.
    private static func fields(
        _ target: LoadTarget, _ plan: LoadPlan
    ) -> (host: String, others: [(name: String, value: String)]) {
        let given = plan.fields.last { $0.name.lowercased() == "host" }?.value
        var others = plan.fields.filter { $0.name.lowercased() != "host" }
        if !others.contains(where: { $0.name.lowercased() == "user-agent" }) {
            others.append(("User-Agent", userAgent))
        }
        if let body = plan.body { others.append(("Content-Length", "\(body.count)")) }
        return (given ?? target.host ?? plan.server.authority, others)
    }

    private static func plain(_ target: LoadTarget, _ plan: LoadPlan) -> Plain {
        let fields = fields(target, plan)
        var rest = " HTTP/1.1\r\nHost: \(fields.host)\r\n"
        for field in fields.others { rest += "\(field.name): \(field.value)\r\n" }
        rest += "\r\n"
        return Plain(
            bytes: NumberedBytes("\(target.method) \(target.target)", rest: Array(rest.utf8) + (plan.body ?? [])),
            method: target.method == "HEAD" ? .head : .get)
    }

    private static func framed(_ target: LoadTarget, _ plan: LoadPlan) -> Framed {
        let fields = fields(target, plan)
        var prefix = ByteBuffer()
        switch target.method {
        case "GET": prefix.writeIndexedField(2)
        case "POST": prefix.writeIndexedField(3)
        default: prefix.writeField(nameIndex: 2, value: target.method)
        }
        prefix.writeIndexedField(plan.server.isTLS ? 7 : 6)
        prefix.writeField(nameIndex: 1, value: fields.host)
        var suffix = ByteBuffer()
        for field in fields.others { suffix.writeField(name: field.name.lowercased(), value: field.value) }
        return Framed(prefix: prefix, path: NumberedBytes(target.target), suffix: suffix)
    }
}
