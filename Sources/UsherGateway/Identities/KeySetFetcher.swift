import Logging
import NIOCore
import NIOPosix
import Synchronization
import UsherConfiguration
import UsherCore
import UsherIdentities
import UsherTransport

/// Fetches the public keys of an issuer from a URL, keeps them while it does not answer, and asks again from time to
/// time, because issuers change their keys.
final class KeySetFetcher: Sendable {
    private struct State: Sendable {
        var keys: TokenKeys?
        var body: [UInt8] = []
        var askedAt: ContinuousClock.Instant?
        var dueAt = ContinuousClock.now
        /// The log knows that it does not answer.
        var hasFailed = false
    }

    /// How long a set is taken as it is; and when to ask again after a failure.
    private static let interval = Duration.seconds(300)
    private static let retryInterval = Duration.seconds(5)
    /// A token with an unknown key may be the first with a new one: but nobody makes us ask more often than this.
    private static let hurryInterval = Duration.seconds(30)
    private static let timeout = Duration.seconds(5)

    private let logger: Logger
    /// By URL: a configuration that is tried and refused costs the one in force nothing.
    private let states = Mutex<[String: State]>([:])

    init(logger: Logger) {
        self.logger = logger
    }

    /// A token was signed with a key that is not among those known: they are asked for sooner.
    func hurry(_ url: String) {
        self.states.withLock { states in
            guard let state = states[url], let askedAt = state.askedAt else { return }
            states[url]?.dueAt = min(state.dueAt, askedAt + Self.hurryInterval)
        }
    }

    /// Another URL is in force: what the others gave is not needed any more.
    func keepOnly(_ url: String) {
        self.states.withLock { states in states = states.filter { $0.key == url } }
    }

    /// The keys of the URL: those that it gives now, else those that it gave last; nil when it never answered.
    func keys(of url: String) async -> TokenKeys? {
        let known = self.states.withLock { states in
            states[url].flatMap { $0.dueAt <= .now ? nil : $0.keys }
        }
        if let known { return known }
        do {
            let body = try await Self.fetch(url)
            if let same = self.states.withLock({ $0[url]?.body == body ? $0[url]?.keys : nil }) {
                self.answered(url, same, body)
                return same
            }
            let keys = try await TokenKeys.jwks(body)
            self.answered(url, keys, body)
            return keys
        } catch {
            return self.failed(url, "\(error)")
        }
    }

    private func answered(_ url: String, _ keys: TokenKeys, _ body: [UInt8]) {
        let before = self.states.withLock { states in
            states.updateValue(
                State(keys: keys, body: body, askedAt: .now, dueAt: .now + Self.interval), forKey: url)
        }
        guard before?.hasFailed == true else { return }
        self.logger.notice("the keys for tokens can be fetched again", metadata: ["url": "\(url)"])
    }

    private func failed(_ url: String, _ reason: String) -> TokenKeys? {
        let before = self.states.withLock { states in
            let before = states[url] ?? State()
            var state = before
            state.hasFailed = true
            state.askedAt = .now
            state.dueAt = .now + Self.retryInterval
            states[url] = state
            return before
        }
        let keys = before.keys
        if !before.hasFailed {
            let consequence = keys == nil ? "tokens are refused (503) until then" : "those fetched last are used"
            self.logger.warning(
                "the keys for tokens cannot be fetched; \(consequence)",
                metadata: ["url": "\(url)", "reason": "\(reason)"])
        }
        return keys
    }

    private static func fetch(_ url: String) async throws -> [UInt8] {
        guard let address = WebAddress(url) else { throw HTTPFetch.Failure(description: "it is no URL") }
        // Whom the system trusts.
        let tls = address.isSecure ? try UpstreamTLS(UpstreamTLS.Configuration()) : nil
        var request = HTTPFetch.Request(
            address: address.address, target: address.target, host: address.host, timeout: Self.timeout)
        request.fields = [("Accept", "application/jwk-set+json, application/json")]
        request.tls = tls
        request.bodyMax = TokenKeys.longestText
        let answer = try await HTTPFetch.send(request, on: MultiThreadedEventLoopGroup.singleton.next())
        guard answer.status == 200 else { throw HTTPFetch.Failure(description: "it answered \(answer.status)") }
        return Array(answer.body.readableBytesView)
    }
}
