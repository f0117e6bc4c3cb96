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

    /// The same of an answer that is on its way. Before its head is there nobody knows its tags: it may have any.
    func takes(_ fetch: CacheFetch) -> Bool {
        switch self {
        case .target(let target): fetch.target == target
        case .prefix(let prefix): fetch.target.starts(with: prefix)
        case .tag(let tag): fetch.state.withLock { $0.head?.tags.contains(tag) ?? true }
        case .all: true
        }
    }
}
