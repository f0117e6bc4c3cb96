internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// Answers one request to the admin server: the rules first, then one switch over what is read or changed.
struct ConsoleResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    let source: any ConsoleSource
    let access: AdminAccess

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        // Only what stands before `?` is a path; the library's own reading of the target is not asked.
        let target = RequestTarget(request.head.path ?? "/")
        let route = ConsoleRoute(path: target.path)
        let verdict = access.verdict(
            on: .init(
                method: request.head.method.rawValue, route: route, host: request.head.authority,
                origin: request.headers[.origin], authorization: request.headers[.authorization],
                contentType: request.headers[.contentType], hasBody: Self.hasBody(request.headers)))
        let response =
            switch verdict {
            case .allowed where route.isChange: await change(route, target, request)
            case .allowed: await read(route, target)
            case .methodNotAllowed(let allowed):
                Self.problem(
                    .methodNotAllowed, "only \(allowed.replacing(", ", with: " and ")) can be used here",
                    [.allow: allowed])
            case .unknownHost(let host):
                Self.problem(
                    .forbidden,
                    "the Host '\(host)' is not this server's; use an address of this machine, such as 127.0.0.1")
            case .foreignOrigin(let origin):
                Self.problem(.forbidden, "pages of '\(origin)' may not ask for this")
            case .tokenNeeded:
                Self.problem(
                    .unauthorized,
                    "send 'Authorization: Bearer TOKEN' with the token in the file admin-token of the state folder",
                    [.wwwAuthenticate: "Bearer realm=\"usher\""])
            case .notJSON:
                Self.problem(.unsupportedMediaType, "send the body as 'Content-Type: application/json'")
            }
        return request.head.method == .head ? response.createHeadResponse() : response
    }

    private func read(_ route: ConsoleRoute, _ target: RequestTarget) async -> Response {
        switch route {
        case .page: return ConsolePage.response()
        case .livez: return Self.text(.ok, "ok\n")
        case .readyz:
            let (ready, reason) = await source.readiness()
            return Self.text(ready ? .ok : .serviceUnavailable, (ready && reason.isEmpty ? "ok" : reason) + "\n")
        case .metrics:
            return Self.response(.ok, await source.metrics(), type: "text/plain; version=0.0.4; charset=utf-8")
        case .configuration:
            return Self.response(.ok, await source.configurationJSON() + "\n", type: Self.jsonType)
        case .explain: return await explain(target)
        case .services: return Self.json(.ok, ServiceList(services: await source.services()))
        case .service(let name):
            guard let service = await source.service(named: name) else { return Self.noService(name) }
            return Self.json(.ok, service)
        case .endpoints(let name):
            guard let service = await source.service(named: name) else { return Self.noService(name) }
            return Self.json(.ok, EndpointList(service: service.name, endpoints: service.endpoints))
        case .certificates:
            return Self.json(.ok, CertificateList(certificates: await source.certificates()))
        case .quotas: return await quotas(target)
        case .shards: return Self.json(.ok, ShardList(services: await source.shards()))
        case .caches: return Self.json(.ok, CacheList(caches: await source.caches()))
        case .change, .reload, .purge, .nothing:
            return Self.problem(.notFound, "there is nothing at \(target.path)")
        }
    }

    /// Callers of each quota that are shown when nobody says how many.
    private static let topDefault = 100

    private func quotas(_ target: RequestTarget) async -> Response {
        guard let query = target.parameters else { return Self.problem(.badRequest, Self.brokenQuery) }
        let top = query.first { $0.name == "top" }.map { Int($0.value) } ?? Self.topDefault
        guard let top, top >= 0 else { return Self.problem(.badRequest, "top is how many callers to show: ?top=20") }
        return Self.json(.ok, QuotaList(quotas: await source.quotas(top: top)))
    }

    private func explain(_ target: RequestTarget) async -> Response {
        guard let query = target.parameters else {
            return Self.problem(.badRequest, Self.brokenQuery)
        }
        guard let url = query.first(where: { $0.name == "url" })?.value, !url.isEmpty else {
            return Self.problem(.badRequest, "say which URL: /api/v1/explain?method=GET&url=http://host/path")
        }
        let method = query.first { $0.name == "method" }?.value ?? "GET"
        var headers: [(String, String)] = []
        for (name, value) in query where name == "header" {
            guard let colon = value.firstIndex(of: ":"), colon != value.startIndex else {
                return Self.problem(.badRequest, "a header is written as NAME: VALUE")
            }
            let text = value[value.index(after: colon)...].drop { $0 == " " }
            headers.append((String(value[..<colon]), String(text)))
        }
        return Self.json(.ok, await source.explain(method: method, url: url, headers: headers))
    }

    static let brokenQuery = "the query has an invalid percent-encoding"

    static func noService(_ name: String) -> Response {
        problem(.notFound, "there is no service '\(name)'; /api/v1/services lists them")
    }

    /// Whether a body follows the head (RFC 9112 §6).
    private static func hasBody(_ headers: HTTPFields) -> Bool {
        if headers[.transferEncoding] != nil { return true }
        return headers[.contentLength].map { $0 != "0" } ?? false
    }
}
