import Logging
import Synchronization
import UsherConfiguration
import UsherTransport

/// How the replicas of one service are spoken to in TLS: reads its files, looks for changed ones, and keeps the old
/// ones when new ones are bad.
final class ReplicaTLS: Sendable {
    private struct State {
        var files: CertificateState?
        var stamps: [FileStamp?]
        /// When a certificate that is not valid yet is looked at again, whether its files have changed or not.
        var retryAt: Int?
        /// As the last look found them: half a file is not what its author means, so they have to lie still.
        var seen: [FileStamp?]
    }

    let upstream: UpstreamTLS
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads everything; blocks while it does.
    ///
    /// - Throws: `CertificateProblem`.
    init(_ settings: ServiceSettings, _ tls: UpstreamTLSSettings, logger: Logger) throws {
        let configuration = UpstreamTLS.Configuration(settings, tls)
        let stamps = configuration.files.map { FileStamp($0) }
        self.upstream = try UpstreamTLS(configuration)
        var logger = logger
        logger[metadataKey: "service"] = "\(settings.name)"
        self.logger = logger
        var files = Self.state(of: configuration)
        files?.facts = self.upstream.facts
        files?.isInUse = true
        let problem = self.upstream.problem
        files?.problem = problem?.description
        self.state = Mutex(State(files: files, stamps: stamps, retryAt: problem?.endsAt, seen: stamps))
    }

    /// What the files are like, also when they cannot be used; nil when there are none.
    static func files(_ settings: ServiceSettings, _ tls: UpstreamTLSSettings) -> CertificateState? {
        do {
            return try ReplicaTLS(settings, tls, logger: Logger(label: "usher")).files
        } catch {
            var files = self.state(of: UpstreamTLS.Configuration(settings, tls))
            files?.problem = "\(error)"
            return files
        }
    }

    private static func state(of configuration: UpstreamTLS.Configuration) -> CertificateState? {
        (configuration.certificate?.chain ?? configuration.authorities).map { CertificateState(file: $0) }
    }

    /// Nil when there are no files.
    var files: CertificateState? { self.state.withLock { $0.files } }

    /// Whether it can be used for these settings too.
    func suits(_ settings: ServiceSettings) -> Bool {
        settings.tls.map { UpstreamTLS.Configuration(settings, $0) } == self.upstream.configuration
    }

    /// Looks at the files, and takes over those that have changed, lie still and are good.
    func refresh() {
        let stamps = self.upstream.configuration.files.map { FileStamp($0) }
        self.state.withLock { state in
            defer { state.seen = stamps }
            state.files?.warn(self.logger, atUnixSeconds: WallClock.seconds)
            let isDue = state.retryAt.map { WallClock.seconds >= $0 } ?? false
            guard stamps == state.seen, isDue || stamps != state.stamps else { return }
            state.stamps = stamps
            state.retryAt = nil
            do {
                try self.upstream.reload()
                state.files?.facts = self.upstream.facts
                state.files?.problem = nil
                state.files?.replaced += 1
                self.logger.notice("certificates for replicas replaced")
            } catch {
                state.files?.problem = "\(error)"
                state.retryAt = (error as? CertificateProblem)?.endsAt
                state.files?.refused += 1
                self.logger.error(
                    "changed certificates for replicas are not used; the old ones stay",
                    metadata: ["problem": "\(error)"])
            }
        }
    }
}

extension UpstreamTLS.Configuration {
    init(_ settings: ServiceSettings, _ tls: UpstreamTLSSettings) {
        self.init()
        if case .file(let path) = tls.verify { self.authorities = path }
        self.serverName = tls.serverName ?? settings.replicas.discoveredHost
        self.certificate = tls.certificate.map { .init(chain: $0.chain, key: $0.key) }
    }

    /// Every file that is read.
    var files: [String] {
        [self.authorities, self.certificate?.chain, self.certificate?.key].compactMap { $0 }
    }
}

extension ReplicaSource {
    /// The host that replicas are found by; nil for those that are listed or started.
    ///
    /// What SRV records say is not to be believed, so it is the name that they were asked for (RFC 6125 §6.5.1).
    fileprivate var discoveredHost: String? {
        guard case .dns(let settings) = self else { return nil }
        let labels = settings.name.split(separator: ".").drop { $0.hasPrefix("_") }
        return labels.joined(separator: ".")
    }
}
