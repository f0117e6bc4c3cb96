import Logging
package import UsherConfiguration
package import UsherConsole
import UsherCore
import UsherTransport

/// What a configuration's certificates are like, read from their files: for commands, when no Usher runs.
package enum CertificateReader {
    /// Every certificate, those of listeners first.
    package static func reports(_ settings: Settings) -> [CertificateReport] {
        let now = WallClock.seconds
        return self.all(settings).map { CertificateReport($0.state, usedBy: $0.usedBy, now: now) }
    }

    /// What could not be used as it is, and where in the configuration it is named.
    package static func problems(_ settings: Settings) -> [(place: ConfigurationPlace, message: String)] {
        self.all(settings).compactMap { found in found.state.problem.map { (found.place, $0) } }
    }

    private typealias Found = (usedBy: String, place: ConfigurationPlace, state: CertificateState)

    private static func all(_ settings: Settings) -> [Found] {
        settings.listeners.enumerated().flatMap { self.files(of: $1, number: $0) }
            + settings.services.compactMap { self.files(of: $0) }
    }

    private static func files(of listener: ListenerSettings, number: Int) -> [Found] {
        guard let tls = listener.tls else { return [] }
        return ListenerCertificates(tls, logger: Self.silent).files.enumerated().map { index, state in
            let isPair = tls.certificates.indices.contains(index)
            let steps: [ConfigurationPlace.Step] = isPair ? [.key("certificates"), .index(index)] : [.key("client-ca")]
            return (
                CertificateReport.user(listener: "\(listener.address)"),
                ConfigurationPlace([.key("listeners"), .index(number), .key("tls")] + steps), state
            )
        }
    }

    private static func files(of service: ServiceSettings) -> Found? {
        guard let tls = service.tls, let state = ReplicaTLS.files(service, tls) else { return nil }
        return (
            CertificateReport.user(service: service.name),
            ConfigurationPlace([.key("services"), .key(service.name), .key("tls")]), state
        )
    }

    private static let silent = Logger(label: "usher") { _ in SwiftLogNoOpLogHandler() }
}

extension CertificateReport {
    init(_ state: CertificateState, usedBy: String, now: Int) {
        self.init(
            usedBy: usedBy, file: state.file, problem: state.problem, facts: state.facts.map { Facts($0, now: now) },
            isInUse: state.isInUse)
    }

    static func user(listener address: String) -> String { "listener \(address)" }
    static func user(service name: String) -> String { "service \(name)" }
}

extension CertificateReport.Facts {
    init(_ facts: CertificateFacts, now: Int) {
        self.init(
            names: facts.names + facts.addresses, subject: facts.subject, issuer: facts.issuer,
            key: "\(facts.keyKind)", notBeforeUnixSeconds: Int64(facts.notBefore),
            notAfterUnixSeconds: Int64(facts.notAfter), daysLeft: facts.daysLeft(atUnixSeconds: now))
    }
}
