internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// The body of a request that drains an endpoint or takes it back.
package struct EndpointChangeRequest: Codable, Sendable {
    package var address: String

    package init(address: String) {
        self.address = address
    }
}

/// What came of such a request, when there is such an endpoint.
package struct EndpointChangeReport: Codable, Sendable {
    /// `done`, or `unchanged` when it was so already.
    package var outcome: String
    package var message: String
}

extension ConsoleResponder {
    /// A longer body is 413. Unit: bytes.
    static let bodyMax = 64 * 1024

    /// Carries a change out, whose caller has been found to be allowed to ask for it.
    func change(_ route: ConsoleRoute, _ target: RequestTarget, _ request: Request) async -> Response {
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.bodyMax)
        } catch is NIOTooManyBytesError {
            return Self.problem(.contentTooLarge, "the body is longer than \(Self.bodyMax) bytes")
        } catch {
            return Self.problem(.badRequest, "the body is not complete")
        }
        switch route {
        case .change(let change, let service): return await self.change(service, change, body)
        case .reload: return await reload(target)
        case .purge: return await purge(target, body)
        default: return Self.problem(.notFound, "there is nothing at \(target.path)")
        }
    }

    private func change(_ service: String, _ change: EndpointChange, _ body: ByteBuffer) async -> Response {
        let data = Data(body.readableBytesView)
        guard let wanted = try? JSONDecoder().decode(EndpointChangeRequest.self, from: data) else {
            return Self.problem(.badRequest, #"the body must be {"address": "HOST:PORT"}"#)
        }
        let outcome = await source.changeEndpoint(service: service, address: wanted.address, to: change)
        switch outcome {
        case .done(let message):
            return Self.json(.ok, EndpointChangeReport(outcome: "done", message: message))
        case .unchanged(let message):
            return Self.json(.ok, EndpointChangeReport(outcome: "unchanged", message: message))
        case .noSuchService(let names):
            return Self.problem(
                .notFound, "there is no service '\(service)'; \(Self.choice(names, none: "none is configured"))")
        case .noSuchEndpoint(let addresses):
            let choice = Self.choice(addresses, none: "it has none now")
            return Self.problem(.notFound, "\(service) has no replica '\(wanted.address)'; \(choice)")
        }
    }

    private func purge(_ target: RequestTarget, _ body: ByteBuffer) async -> Response {
        // What stands in the query would be overlooked, and all be purged of which a part was meant.
        guard let query = target.parameters, query.isEmpty else {
            return Self.problem(.badRequest, "what to purge stands in the body, not in the query")
        }
        let wanted: PurgeRequest
        do throws(PurgeRequest.Fault) {
            wanted = try PurgeRequest.read(Data(body.readableBytesView))
        } catch {
            return Self.problem(.badRequest, error.sentence)
        }
        switch await source.purge(wanted) {
        case .purged(let count, let message):
            return Self.json(.ok, PurgeReport(purged: count, message: message))
        case .refused(let sentence):
            return Self.problem(.badRequest, sentence)
        case .noSuchCache(let names):
            let choice = Self.choice(names, none: "none is configured")
            return Self.problem(.notFound, "there is no cache '\(wanted.cache ?? "")'; \(choice)")
        }
    }

    private func reload(_ target: RequestTarget) async -> Response {
        guard let query = target.parameters else { return Self.problem(.badRequest, Self.brokenQuery) }
        guard let dryRun = Self.dryRun(query) else {
            return Self.problem(.badRequest, "only dry-run=true or dry-run=false can be said here")
        }
        let report = await source.reload(dryRun: dryRun)
        return Self.json(report.outcome == .refused ? .unprocessableContent : .ok, report)
    }

    /// Nil for any other query: a misspelt or doubled `dry-run` must not carry out what was only to be looked at.
    private static func dryRun(_ query: [(name: String, value: String)]) -> Bool? {
        guard let only = query.first else { return false }
        return query.count == 1 && only.name == "dry-run" ? Bool(only.value) : nil
    }

    /// `there are a, b, c and 12 more`
    private static func choice(_ names: [String], none: String) -> String {
        let shownMax = 8
        guard !names.isEmpty else { return none }
        let more = names.count > shownMax ? " and \(names.count - shownMax) more" : ""
        return "there \(names.count == 1 ? "is" : "are") " + names.prefix(shownMax).joined(separator: ", ") + more
    }
}
