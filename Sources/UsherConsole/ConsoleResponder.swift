internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// Answers one request to the admin server: the rules first, then one switch over the paths.
struct ConsoleResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    let source: any ConsoleSource
    let access: AdminAccess

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        // Only what stands before `?` is a path; the library's own reading of the target is not asked.
        let target = RequestTarget(request.head.path ?? "/")
        let verdict = access.verdict(
            on: .init(
                method: request.head.method.rawValue, path: target.path, host: request.head.authority,
                origin: request.headers[.origin], authorization: request.headers[.authorization]))
        let response =
            switch verdict {
            case .allowed: await answer(target)
            case .methodNotAllowed:
                Self.problem(.methodNotAllowed, "only GET and HEAD are understood here", [.allow: "GET, HEAD"])
            case .unknownHost(let host):
                Self.problem(
                    .forbidden,
                    "the Host '\(host)' is not this server's; use an address of this machine, such as 127.0.0.1")
            case .foreignOrigin(let origin):
                Self.problem(.forbidden, "pages of '\(origin)' may not read this")
            case .tokenNeeded:
                Self.problem(
                    .unauthorized,
                    "send 'Authorization: Bearer TOKEN' with the token in the file admin-token of the state folder",
                    [.wwwAuthenticate: "Bearer realm=\"usher\""])
            }
        return request.head.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ target: RequestTarget) async -> Response {
        switch target.path {
        case "/": return ConsolePage.response()
        case "/livez": return Self.text(.ok, "ok\n")
        case "/readyz":
            let (ready, reason) = await source.readiness()
            return Self.text(ready ? .ok : .serviceUnavailable, (ready && reason.isEmpty ? "ok" : reason) + "\n")
        case "/metrics":
            return Self.response(.ok, await source.metrics(), type: "text/plain; version=0.0.4; charset=utf-8")
        case "/api/v1/services":
            return Self.json(.ok, ServiceList(services: await source.services()))
        case "/api/v1/config":
            return Self.response(.ok, await source.configurationJSON() + "\n", type: Self.jsonType)
        case "/api/v1/explain":
            return await explain(target)
        case let path where path.hasPrefix("/api/v1/services/"):
            return await service(at: path.dropFirst("/api/v1/services/".count), of: path)
        default:
            return Self.nothing(at: target.path)
        }
    }

    /// `NAME` or `NAME/endpoints`.
    private func service(at rest: Substring, of path: String) async -> Response {
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        let isKnown = parts.count == 1 || (parts.count == 2 && parts[1] == "endpoints")
        guard isKnown, let name = RequestTarget.decoded(parts[0]) else { return Self.nothing(at: path) }
        guard let service = await source.services().first(where: { $0.name == name }) else {
            return Self.problem(.notFound, "there is no service '\(name)'; /api/v1/services lists them")
        }
        guard parts.count == 2 else { return Self.json(.ok, service) }
        return Self.json(.ok, EndpointList(service: service.name, endpoints: service.endpoints))
    }

    private func explain(_ target: RequestTarget) async -> Response {
        guard let query = target.parameters else {
            return Self.problem(.badRequest, "the query has an invalid percent-encoding")
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

    private static func nothing(at path: String) -> Response {
        problem(.notFound, "there is nothing at \(path)")
    }
}
