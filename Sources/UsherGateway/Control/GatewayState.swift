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

/// The state folder and the locks that keep a second Usher away.
final class GatewayLocks: Sendable {
    private let state: LockHolder
    private let listeners: [LockHolder]

    /// Lets a noncopyable lock live in an array.
    private final class LockHolder: Sendable {
        let lock: ExclusiveLock

        init(_ lock: consuming ExclusiveLock) {
            self.lock = lock
        }
    }

    init(_ settings: Settings) throws(GatewayError) {
        do {
            try FileManager.default.createDirectory(
                atPath: settings.state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw GatewayError(
                "cannot make the state folder \(settings.state): \(error); "
                    + "set `state` to a folder that this user may write")
        }
        guard let state = ExclusiveLock(file: settings.state + "/lock") else {
            throw GatewayError(
                "another Usher runs with the state folder \(settings.state); "
                    + "stop it, or give this one a `state` of its own")
        }
        self.state = LockHolder(state)
        var listeners: [LockHolder] = []
        for listener in settings.listeners {
            if case .ip(_, port: 0) = listener.address { continue }
            guard let lock = ExclusiveLock(abstractName: "listener:\(listener.address)") else {
                throw GatewayError("another Usher listens on \(listener.address); stop it, or change `listeners`")
            }
            listeners.append(LockHolder(lock))
        }
        self.listeners = listeners
    }
}
