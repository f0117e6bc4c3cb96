import Logging
import UsherConfiguration

extension SessionSecret {
    /// For what is explained without a running gateway, whose secret is not known: every cookie reads as forged.
    static let unknown = SessionSecret()

    /// The secret that the configuration names, or the one in the state folder, which is made at the first start.
    static func load(_ settings: Settings, logger: Logger) throws -> SessionSecret {
        let path = settings.secretFile ?? settings.state + "/secret"
        let loaded = try SecretFile.load(path: path)
        if let warning = loaded.warning { logger.warning("\(warning)") }
        if loaded.wasMade && settings.services.contains(where: { $0.session != nil }) {
            logger.notice(
                "made a secret for session cookies; gateways that share sessions need the same one",
                metadata: ["file": "\(path)"])
        }
        return loaded.secret
    }
}
