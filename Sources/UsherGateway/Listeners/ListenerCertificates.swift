import Logging
import Synchronization
import UsherConfiguration
import UsherTransport

/// The certificates of one listener: loads them, looks for changed files, and keeps the old ones when new ones are bad.
final class ListenerCertificates: Sendable {
    /// One pair of files, and what became of it.
    struct Pair: Sendable {
        let settings: CertificateSettings
        /// In use; nil: there never was a good one.
        var certificate: ServerCertificate?
        /// Why the files as they are now are not used; nil when they are.
        var problem: String?
        var replaced: UInt64 = 0
        var refused: UInt64 = 0
        fileprivate var stamps: [FileStamp?] = []
    }

    private struct State {
        var rules: TLSRules
        var authorities: FileStamp?
        var authoritiesProblem: String?
        var pairs: [Pair]
        var set: CertificateSet?
        /// All files as the last look found them: half a file is not what its author means, so they have to lie still.
        var seen: [FileStamp?] = []
    }

    let settings: TLSSettings
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads everything; blocks while it does.
    ///
    /// - Throws: `CertificateProblem` when there is nothing to begin with: no pair, or not the clients' authorities.
    init(_ settings: TLSSettings, logger: Logger) throws {
        self.settings = settings
        self.logger = logger
        var state = State(
            rules: try Self.rules(settings), authorities: settings.clientAuthorities.flatMap { FileStamp($0) },
            pairs: settings.certificates.map { Pair(settings: $0) })
        for index in state.pairs.indices {
            state.pairs[index].load(state.rules, isFirst: true)
        }
        state.set = CertificateSet(state.pairs.compactMap(\.certificate))
        state.seen = Self.stamps(of: settings)
        guard state.set != nil else {
            throw CertificateProblem(state.pairs.compactMap(\.problem).joined(separator: "; "))
        }
        self.state = Mutex(state)
    }

    /// In the order of the configuration.
    var pairs: [Pair] { self.state.withLock { $0.pairs } }
    /// What handshakes use.
    var current: CertificateSet? { self.state.withLock { $0.set } }
    /// What is wrong now, each with its file.
    var problems: [String] {
        self.state.withLock { state in
            state.pairs.compactMap(\.problem) + (state.authoritiesProblem.map { [$0] } ?? [])
        }
    }

    // MARK: Changes

    /// Looks at the files, and takes over those that have changed, lie still and are good; true when any was.
    func refresh() -> Bool {
        let stamps = Self.stamps(of: self.settings)
        return self.state.withLock { state in
            defer { state.seen = stamps }
            guard stamps == state.seen else { return false }
            var isChanged = self.refreshAuthorities(&state)
            for index in state.pairs.indices {
                if self.refresh(&state.pairs[index], state.rules, isForced: isChanged) { isChanged = true }
            }
            if isChanged { state.set = CertificateSet(state.pairs.compactMap(\.certificate)) }
            return isChanged
        }
    }

    /// New authorities mean new contexts for all certificates: no ticket of the old ones opens a session any more.
    private func refreshAuthorities(_ state: inout State) -> Bool {
        guard let file = self.settings.clientAuthorities else { return false }
        let stamp = FileStamp(file)
        guard stamp != state.authorities else { return false }
        state.authorities = stamp
        do {
            state.rules = try Self.rules(self.settings)
            state.authoritiesProblem = nil
            self.logger.notice("clients' authorities replaced", metadata: ["file": "\(file)"])
            return true
        } catch {
            state.authoritiesProblem = "\(error)"
            self.logger.error(
                "changed authorities are not used; the old ones stay",
                metadata: ["file": "\(file)", "problem": "\(error)"])
            return false
        }
    }

    private func refresh(_ pair: inout Pair, _ rules: TLSRules, isForced: Bool) -> Bool {
        let isChanged = pair.stamps != Self.stamps(of: pair.settings)
        guard isChanged || isForced else { return false }
        let isGood = pair.load(rules, isFirst: pair.certificate == nil)
        guard isChanged else { return isGood }
        if isGood, let certificate = pair.certificate {
            pair.replaced += 1
            self.logger.notice(
                "certificate replaced",
                metadata: [
                    "chain": "\(pair.settings.chain)", "names": "\(certificate.facts.names.joined(separator: " "))",
                    "days-left": "\(certificate.facts.daysLeft(atUnixSeconds: WallClock.seconds))",
                ])
        } else {
            pair.refused += 1
            self.logger.error(
                "a changed certificate is not used; the old one stays",
                metadata: ["chain": "\(pair.settings.chain)", "problem": "\(pair.problem ?? "")"])
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
        do {
            let files = ServerCertificate.Files(chain: self.settings.chain, key: self.settings.key)
            let certificate = try ServerCertificate(files, rules: rules)
            self.problem = certificate.facts.problem(atUnixSeconds: WallClock.seconds).map {
                "\(self.settings.chain) cannot be used: \($0)"
            }
            guard self.problem == nil || isFirst else { return false }
            self.certificate = certificate
            return true
        } catch {
            self.problem = "\(error)"
            return false
        }
    }
}
