import Logging
import Synchronization
import UsherConfiguration
import UsherTransport

/// The certificates of one listener: loads them, looks for changed files, and keeps the old ones when new ones are bad.
final class ListenerCertificates: Sendable {
    /// One pair of files, and what became of it.
    fileprivate struct Pair {
        let settings: CertificateSettings
        var files: CertificateState
        /// In use; nil: there never was a good one.
        var certificate: ServerCertificate?
        var stamps: [FileStamp?] = []
        /// When files that are not valid yet are looked at again, whether they have changed or not.
        var retryAt: Int?

        init(_ settings: CertificateSettings) {
            self.settings = settings
            self.files = CertificateState(file: settings.chain)
        }
    }

    private struct State {
        var pairs: [Pair]
        var rules = TLSRules()
        var authorities: CertificateState?
        var authoritiesStamp: FileStamp?
        var set: CertificateSet?
        var ticketsRenewedAt = 0
        /// All files as the last look found them: half a file is not what its author means, so they have to lie still.
        var seen: [FileStamp?] = []
    }

    /// How long tickets are good at least, so that one client cannot take them from the others all the time. 60 s.
    private static let ticketsTime = 60

    let settings: TLSSettings
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads everything; blocks while it does.
    init(_ settings: TLSSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
        var state = State(pairs: settings.certificates.map { Pair($0) })
        state.seen = Self.stamps(of: settings)
        if let authorities = settings.clientAuthorities {
            state.authorities = CertificateState(file: authorities)
            state.authoritiesStamp = FileStamp(authorities)
        }
        do {
            state.rules = try Self.rules(settings)
        } catch {
            state.authorities?.problem = "\(error)"
        }
        for index in state.pairs.indices { state.pairs[index].load(state.rules, isFirst: true) }
        // Whoever should be asked for a certificate must not come in without.
        if state.authorities?.problem == nil {
            state.authorities?.isInUse = true
            state.set = CertificateSet(state.pairs.compactMap(\.certificate))
        }
        self.state = Mutex(state)
    }

    /// All pairs in the order of the configuration, then the authorities.
    var files: [CertificateState] {
        self.state.withLock { state in state.pairs.map(\.files) + (state.authorities.map { [$0] } ?? []) }
    }
    /// What handshakes use; nil when there is nothing to begin with: no pair, or not the clients' authorities.
    var current: CertificateSet? { self.state.withLock { $0.set } }

    // MARK: Changes

    /// What a look at the files has changed.
    enum Change {
        case nothing
        case certificates
        /// Who comes in, too: what was agreed on with clients before holds no more.
        case authorities
    }

    /// Looks at the files, and takes over those that have changed, lie still and are good.
    func refresh() -> Change {
        let stamps = Self.stamps(of: self.settings)
        let now = WallClock.seconds
        return self.state.withLock { state in
            defer { state.seen = stamps }
            for index in state.pairs.indices { state.pairs[index].files.warn(self.logger, atUnixSeconds: now) }
            let renewsTickets = self.renewsTickets(&state, now)
            guard stamps == state.seen || renewsTickets else { return .nothing }
            let hasNewRules = self.refreshAuthorities(&state)
            var isChanged = hasNewRules || renewsTickets
            for index in state.pairs.indices {
                if self.refresh(&state.pairs[index], state.rules) {
                    isChanged = true
                } else if hasNewRules || renewsTickets {
                    self.remake(&state.pairs[index], state.rules)
                }
            }
            if isChanged { state.set = CertificateSet(state.pairs.compactMap(\.certificate)) }
            return hasNewRules ? .authorities : isChanged ? .certificates : .nothing
        }
    }

    /// Whether a client came back with a session from when its certificate was valid. TLS resumes it before anybody is
    /// asked, so the client would never come to show its new certificate: the tickets of all have to go.
    private func renewsTickets(_ state: inout State, _ now: Int) -> Bool {
        let mayRenew = now >= state.ticketsRenewedAt + Self.ticketsTime
        guard mayRenew, state.set?.hasStaleSessions == true else { return false }
        state.ticketsRenewedAt = now
        self.logger.info("sessions from before are not resumed: a client's certificate has expired since")
        return true
    }

    /// New authorities mean new contexts for all certificates: no ticket of the old ones opens a session any more.
    private func refreshAuthorities(_ state: inout State) -> Bool {
        guard let file = self.settings.clientAuthorities else { return false }
        let stamp = FileStamp(file)
        guard stamp != state.authoritiesStamp else { return false }
        state.authoritiesStamp = stamp
        do {
            state.rules = try Self.rules(self.settings)
            state.authorities?.problem = nil
            state.authorities?.replaced += 1
            self.logger.notice("clients' authorities replaced", metadata: ["file": "\(file)"])
            return true
        } catch {
            state.authorities?.problem = "\(error)"
            state.authorities?.refused += 1
            self.logger.error(
                "changed authorities are not used; the old ones stay",
                metadata: ["file": "\(file)", "problem": "\(error)"])
            return false
        }
    }

    /// Whatever became of its files: under the old rules nobody may come in any more.
    private func remake(_ pair: inout Pair, _ rules: TLSRules) {
        do {
            pair.certificate = try pair.certificate?.under(rules)
        } catch {
            pair.certificate = nil
            self.logger.error(
                "a certificate is not used any more",
                metadata: ["chain": "\(pair.settings.chain)", "problem": "\(error)"])
        }
    }

    private func refresh(_ pair: inout Pair, _ rules: TLSRules) -> Bool {
        let isDue = pair.retryAt.map { WallClock.seconds >= $0 } ?? false
        guard isDue || pair.stamps != Self.stamps(of: pair.settings) else { return false }
        let isGood = pair.load(rules, isFirst: pair.certificate == nil)
        if isGood, let certificate = pair.certificate {
            pair.files.replaced += 1
            self.logger.notice(
                "certificate replaced",
                metadata: [
                    "chain": "\(pair.settings.chain)", "names": "\(certificate.facts.names.joined(separator: " "))",
                    "days-left": "\(certificate.facts.daysLeft(atUnixSeconds: WallClock.seconds))",
                ])
        } else {
            pair.files.refused += 1
            self.logger.error(
                "a changed certificate is not used; the old one stays",
                metadata: ["chain": "\(pair.settings.chain)", "problem": "\(pair.files.problem ?? "")"])
        }
        return isGood
    }

    // MARK: Files

    private static func rules(_ settings: TLSSettings) throws -> TLSRules {
        var rules = TLSRules()
        rules.minimum = settings.minimum == .tls13 ? .tls13 : .tls12
        if let authorities = settings.clientAuthorities {
            try rules.ask(settings.clientCertificate == .require ? .require : .request, signedBy: authorities)
        }
        return rules
    }

    private static func stamps(of settings: TLSSettings) -> [FileStamp?] {
        settings.certificates.flatMap { Self.stamps(of: $0) } + [settings.clientAuthorities.flatMap { FileStamp($0) }]
    }

    fileprivate static func stamps(of pair: CertificateSettings) -> [FileStamp?] {
        [FileStamp(pair.chain), FileStamp(pair.key)]
    }
}

extension ListenerCertificates.Pair {
    /// Takes the files as they are now; the certificate stays what it was when they are no good.
    ///
    /// - Parameter isFirst: nothing is in use yet: even one that has expired is better than none.
    @discardableResult
    fileprivate mutating func load(_ rules: TLSRules, isFirst: Bool) -> Bool {
        self.stamps = ListenerCertificates.stamps(of: self.settings)
        self.retryAt = nil
        do {
            let files = ServerCertificate.Files(chain: self.settings.chain, key: self.settings.key)
            let certificate = try ServerCertificate(files, rules: rules)
            let problem = certificate.facts.problem(of: self.settings.chain, atUnixSeconds: WallClock.seconds)
            self.files.problem = problem?.description
            self.retryAt = problem?.endsAt
            guard problem == nil || isFirst else { return false }
            self.certificate = certificate
            self.files.facts = certificate.facts
            self.files.isInUse = true
            return true
        } catch {
            self.files.problem = "\(error)"
            return false
        }
    }
}
