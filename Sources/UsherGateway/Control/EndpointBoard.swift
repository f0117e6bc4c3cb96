import Synchronization
import UsherCore
import UsherReplication
import UsherTransport

/// What the control plane knows of one service's replicas: readiness, address, process. Read by the console and
/// metrics.
final class EndpointBoard: Sendable {
    struct Entry: Sendable {
        var machine: ReadinessMachine
        var isReady = false
        var reason = "not checked yet"
        /// Seconds since the Unix epoch.
        var since: Int64
        /// Nil until a supervised replica's process was started.
        var address: ReplicaAddress?
        var pid: Int32?
    }

    private let entries: Mutex<[Entry]>

    init(_ entries: [Entry]) {
        self.entries = Mutex(entries)
    }

    var all: [Entry] { self.entries.withLock { $0 } }

    /// Applies an event to one replica's entry; the result is whether it is ready now, nil when that did not change.
    func update(_ index: Int, _ body: (inout Entry) -> ReadinessMachine.Action) -> ReadinessMachine.Action {
        self.entries.withLock { entries in
            guard entries.indices.contains(index) else { return .unchanged }
            let action = body(&entries[index])
            switch action {
            case .becameReady:
                entries[index].isReady = true
                entries[index].reason = "ready"
                entries[index].since = WallClock.milliseconds() / 1000
            case .becameUnready(let reason):
                entries[index].isReady = false
                entries[index].reason = reason
                entries[index].since = WallClock.milliseconds() / 1000
            case .unchanged:
                if !entries[index].isReady, let reason = entries[index].machine.reason {
                    entries[index].reason = reason
                }
            }
            return action
        }
    }
}
