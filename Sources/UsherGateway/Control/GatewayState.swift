import FoundationEssentials
import UsherConfiguration
import UsherTransport

/// A start that failed, as the one line that tells the operator what to do.
public struct GatewayError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The state folder, and the lock that keeps a second Usher away from it.
final class StateFolder: Sendable {
    private let lock: ExclusiveLock

    init(_ path: String) throws(GatewayError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw GatewayError(
                "cannot make the state folder \(path): \(error); set `state` to a folder that this user may write")
        }
        guard let lock = ExclusiveLock(file: path + "/lock") else {
            throw GatewayError(
                "another Usher runs with the state folder \(path); stop it, or give this one a `state` of its own")
        }
        self.lock = lock
    }
}

/// Keeps a second Usher away from an address; the kernel would let both listen.
final class ListenerLock: Sendable {
    private let lock: ExclusiveLock

    /// Nil for port 0, which nobody can have twice.
    init?(_ address: ListenAddress) throws(GatewayError) {
        if case .ip(_, port: 0) = address { return nil }
        guard let lock = ExclusiveLock(abstractName: "listener:\(address)") else {
            throw GatewayError("another Usher listens on \(address); stop it, or change `listeners`")
        }
        self.lock = lock
    }
}
