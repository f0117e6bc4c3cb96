internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// The answer of `/api/v1/services`.
package struct ServiceList: Codable, Sendable {
    package var services: [ServiceReport]
}

/// What `usher status --json` prints.
package struct StatusReport: Codable, Sendable {
    package var services: [ServiceReport]
    package var caches: [CacheReport]

    package init(services: [ServiceReport], caches: [CacheReport]) {
        self.services = services
        self.caches = caches
    }
}

/// The answer of `/api/v1/services/NAME/endpoints`.
struct EndpointList: Codable, Sendable {
    var service: String
    var endpoints: [EndpointReport]
}

/// Every answer that is not 2xx, but those of `/readyz` and of a refused reload.
struct ProblemReport: Codable, Sendable {
    var error: String
}

extension ConsoleResponder {
    static let jsonType = "application/json"

    static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        response(status, text, type: "text/plain; charset=utf-8")
    }

    static func json(_ status: HTTPResponse.Status, _ value: some Encodable, _ more: HTTPFields = [:]) -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            // Only a number that is not finite cannot be written.
            return response(.internalServerError, #"{"error":"the answer cannot be written"}"# + "\n", type: jsonType)
        }
        return response(status, String(decoding: data, as: UTF8.self) + "\n", type: jsonType, more)
    }

    static func problem(_ status: HTTPResponse.Status, _ text: String, _ more: HTTPFields = [:]) -> Response {
        json(status, ProblemReport(error: text), more)
    }

    /// With headers that keep answers out of caches, frames and content sniffing.
    static func response(
        _ status: HTTPResponse.Status, _ body: String, type: String, _ more: HTTPFields = [:]
    ) -> Response {
        var headers = more
        headers[.contentType] = type
        headers[.cacheControl] = "no-store"
        headers[.xContentTypeOptions] = "nosniff"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: body)))
    }
}
