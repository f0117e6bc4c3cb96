import Synchronization
import UsherCaching
import UsherCore

/// Which answers a purge takes.
enum PurgeRule: Sendable, Hashable {
    /// Of one target, with all that differs by fields of the request: `http://host/path?query`.
    case target([UInt8])
    /// Whose target begins so.
    case prefix([UInt8])
    /// That carry a tag, hashed.
    case tag(UInt64)
    case all

    func takes(_ answer: StoredAnswer) -> Bool {
        switch self {
        case .target(let target): answer.bytes[answer.target].elementsEqual(target)
        case .prefix(let prefix): answer.bytes[answer.target].starts(with: prefix)
        case .tag(let tag): answer.tags.contains(tag)
        case .all: true
        }
    }
}

/// What was purged lately: an answer that was on its way then, and arrives later, is as old as those that were purged.
final class PurgeLog: Sendable {
    private struct State: Sendable {
        var number = 0
        /// The newest last.
        var rules: [PurgeRule] = []
    }

    private static let kept = 256

    private let state = Mutex(State())

    /// The number of the newest purge.
    var number: Int { self.state.withLock { $0.number } }

    func add(_ rule: PurgeRule) {
        self.state.withLock { state in
            state.number += 1
            state.rules.append(rule)
            if state.rules.count > Self.kept { state.rules.removeFirst(state.rules.count - Self.kept) }
        }
    }

    /// Whether an answer was purged that was asked for when `number` was the newest purge. When too much has been
    /// purged since to remember it all, it counts as purged.
    func takes(_ answer: StoredAnswer, since number: Int) -> Bool {
        self.state.withLock { state in
            let newer = state.number - number
            guard newer <= state.rules.count else { return true }
            return state.rules.suffix(newer).contains { $0.takes(answer) }
        }
    }
}
