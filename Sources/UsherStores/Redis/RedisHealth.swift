internal import Synchronization
internal import UsherCore

/// Whether a server can be used by all workers, told once for each outage however many of them notice it.
///
/// An outage begins when the first worker cannot use the server, and is over when all of them could for `calm`: a
/// server that comes and goes faster than that has one long outage. Every worker's connection is a member.
package final class RedisHealth: Sendable {
    package enum Change: Sendable, Hashable {
        /// An outage has begun.
        case lost(reason: String)
        /// It is over; `after` is how long it took.
        case recovered(after: Duration)
    }

    /// One worker's part.
    final class Member: Sendable {}

    private struct State {
        /// With the reason why each cannot use the server; nil: it can.
        var members: [(member: Member, trouble: String?)] = []
        /// Since when there is an outage.
        var outage: MonotonicTime?
        var lastChange = MonotonicTime.start
    }

    /// Without trouble for so long, an outage is over. 1 s.
    package static let calm = Duration.seconds(1)
    private static let notConnected = "not connected yet"

    private let state = Mutex(State())
    private let onChange: @Sendable (Change) -> Void

    /// - Parameter onChange: called on the event loop of the worker that noticed, in the middle of its work: it must
    ///   not ask the store.
    package init(onChange: @escaping @Sendable (Change) -> Void) {
        self.onChange = onChange
    }

    // MARK: What others see

    /// Every worker can use the server now.
    package var isAvailable: Bool { self.reason == nil }

    /// Why one of them cannot; nil: all can.
    package var reason: String? {
        self.state.withLock { state in
            state.members.isEmpty ? Self.notConnected : state.members.lazy.compactMap(\.trouble).first
        }
    }

    // MARK: What members say

    /// A new member, which cannot use the server yet; that is no outage.
    func join() -> Member {
        let member = Member()
        self.state.withLock { $0.members.append((member, Self.notConnected)) }
        return member
    }

    /// It neither speaks of an outage nor ends one.
    func leave(_ member: Member) {
        self.state.withLock { state in state.members.removeAll { $0.member === member } }
    }

    /// - Parameter trouble: why the member cannot use the server; nil: it can.
    func report(_ trouble: String?, of member: Member, now: MonotonicTime) {
        let isNews = self.state.withLock { state in
            guard let index = state.members.firstIndex(where: { $0.member === member }) else { return false }
            state.members[index].trouble = trouble
            state.lastChange = now
            guard trouble != nil, state.outage == nil else { return false }
            state.outage = now
            return true
        }
        if isNews, let trouble { self.onChange(.lost(reason: trouble)) }
    }

    /// Looks whether the outage is over.
    ///
    /// - Returns: there is still one, so that whoever can use the server should ask again after `calm`.
    func settle(now: MonotonicTime) -> Bool {
        let (outage, isOver) = self.state.withLock { state in
            let outage = state.outage
            let isOver =
                outage != nil && state.members.allSatisfy { $0.trouble == nil }
                && now.elapsed(since: state.lastChange) >= Self.calm
            if isOver { state.outage = nil }
            return (outage, isOver)
        }
        if isOver, let outage { self.onChange(.recovered(after: now.elapsed(since: outage))) }
        return outage != nil && !isOver
    }
}
