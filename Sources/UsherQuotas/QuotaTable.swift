public import UsherCore

/// Who has used how much, in memory that does not grow beyond a bound.
///
/// A caller is a tag and, for each window, the moment at which its allowance is whole again. Once all those moments
/// have passed the entry says nothing that a missing one would not say: it is idle, and its place is free without a
/// loss.
///
/// When a new caller finds no free place, the least heated of the `reach` entries it may lie on goes. Heat is the
/// number of requests, refused ones too, since the entry was last idle. So a flood of callers that ask once pushes out
/// others of its own kind only, and to push out a caller that asked a thousand times somebody must fill every place
/// around it with callers that asked as often.
///
/// Open addressing with linear probing; one shard, whoever shares it puts it under a lock. Never reads a clock.
public struct QuotaTable: ~Copyable, Sendable {
    /// How far from its first place an entry may lie.
    private static let reach = 32
    private static let fewestSlots = 64
    /// How long somebody may take between looking at the clock and asking. 1 s.
    private static let clockSlack: UInt64 = 1_000_000_000

    /// Words of an entry: tag, heat, then a moment for each window.
    private let stride: Int
    private let slotsMaximum: Int
    private var words: [UInt64]
    private var mask: Int
    /// Places that were ever taken; they are taken again, but never empty again.
    private var taken = 0
    /// Live entries that had to go.
    public private(set) var evicted: UInt64 = 0

    /// - Parameters:
    ///   - windows: of the limits that are asked for, at most. Range: 1...4, values outside are clamped.
    ///   - capacity: live callers that fit in, rounded up to a power of two; as many places again stay free, so that
    ///     callers seldom meet.
    public init(windows: Int, capacity: Int) {
        stride = 2 + min(max(windows, 1), QuotaLimit.windowsMaximum)
        var slots = Self.fewestSlots
        while slots < min(capacity, 1 << 30) * 2 { slots *= 2 }
        slotsMaximum = slots
        mask = Self.fewestSlots - 1
        words = [UInt64](repeating: 0, count: Self.fewestSlots * stride)
    }

    /// What one of `capacity` callers takes at most, with the places that stay free and the rounding.
    public static func bytesPerCaller(windows: Int) -> Int {
        (2 + min(max(windows, 1), QuotaLimit.windowsMaximum)) * 8 * 4
    }

    /// Bytes that are reserved now.
    public var memory: Int { words.count * 8 }

    /// Asks for `cost` of the limit, and takes it from all windows if it is there in each, else from none.
    ///
    /// - Parameters:
    ///   - key: two callers whose keys agree in `low` are one here.
    ///   - limit: windows beyond those that the table was made for are not looked at.
    ///   - cost: 0 is always allowed; what is more than a window's burst never is.
    public mutating func take(_ key: KeyedHash, _ limit: QuotaLimit, cost: UInt64, now: MonotonicTime) -> QuotaDecision
    {
        let place = place(of: key, now: now.nanoseconds)
        var debts = debts(at: place, limit, now: now.nanoseconds)
        let isIdle = isIdle(place, now: now.nanoseconds)
        words[place + 1] = isIdle ? 1 : words[place + 1] &+ 1
        let isAllowed = limit.offer(cost: cost, debts: &debts)
        for index in limit.windows.indices where index + 2 < stride {
            let whole = now.nanoseconds &+ debts[index]
            // A moment that lies further away than the window goes was made by a larger one, before a reload. But a
            // little further may be because whoever asked before has looked at the clock later.
            let isOverlong = words[place + 2 + index] > whole &+ Self.clockSlack
            if isAllowed && cost > 0 || isOverlong { words[place + 2 + index] = whole }
        }
        return QuotaDecision(isAllowed: isAllowed, debts: debts)
    }

    /// Gives back what was taken for something that did not come about.
    public mutating func giveBack(_ key: KeyedHash, _ limit: QuotaLimit, cost: UInt64, now: MonotonicTime) {
        guard let place = find(Self.tag(key)) else { return }
        for index in limit.windows.indices where index + 2 < stride {
            let whole = words[place + 2 + index]
            let (price, overflow) = limit.windows[index].interval.multipliedReportingOverflow(by: cost)
            words[place + 2 + index] = overflow || price > whole ? now.nanoseconds : whole &- price
        }
    }

    /// What is used, without using any of it.
    public func debts(of key: KeyedHash, _ limit: QuotaLimit, now: MonotonicTime) -> QuotaDebts {
        guard let place = find(Self.tag(key)) else { return QuotaDebts(repeating: 0) }
        return debts(at: place, limit, now: now.nanoseconds)
    }

    private func debts(at place: Int, _ limit: QuotaLimit, now: UInt64) -> QuotaDebts {
        var debts = QuotaDebts(repeating: 0)
        for index in limit.windows.indices where index + 2 < stride {
            let whole = words[place + 2 + index]
            // A smaller limit after a reload: nobody waits longer than its windows do.
            debts[index] = whole > now ? min(whole &- now, limit.windows[index].span) : 0
        }
        return debts
    }

    // MARK: Places

    /// 0 is no tag: it marks an empty place.
    private static func tag(_ key: KeyedHash) -> UInt64 { max(key.low, 1) }

    /// The low bits of `low`; `high` may choose the shard.
    private func first(_ tag: UInt64) -> Int { Int(truncatingIfNeeded: tag) & mask }

    private func find(_ tag: UInt64) -> Int? {
        let first = first(tag)
        for step in 0..<Self.reach {
            let place = ((first &+ step) & mask) &* stride
            if words[place] == tag { return place }
            if words[place] == 0 { return nil }
        }
        return nil
    }

    private mutating func place(of key: KeyedHash, now: UInt64) -> Int {
        let tag = Self.tag(key)
        if let known = find(tag) { return known }
        if taken * 2 > mask, mask + 1 < slotsMaximum { grow(now: now) }
        let place = room(from: first(tag), now: now)
        if words[place] == 0 {
            taken += 1
        } else if !isIdle(place, now: now) {
            evicted &+= 1
        }
        words[place] = tag
        for index in 1..<stride { words[place + index] = 0 }
        return place
    }

    /// The first place within reach that is empty or idle, else the one with the least heat.
    private func room(from first: Int, now: UInt64) -> Int {
        var coolest = (first & mask) * stride
        for step in 0..<Self.reach {
            let place = ((first &+ step) & mask) &* stride
            if words[place] == 0 || isIdle(place, now: now) { return place }
            if words[place + 1] < words[coolest + 1] { coolest = place }
        }
        return coolest
    }

    private func isIdle(_ place: Int, now: UInt64) -> Bool {
        for index in 2..<stride where words[place + index] > now { return false }
        return true
    }

    /// Twice the places, without the idle entries.
    private mutating func grow(now: UInt64) {
        let old = words
        mask = mask * 2 + 1
        words = [UInt64](repeating: 0, count: (mask + 1) * stride)
        taken = 0
        for from in Swift.stride(from: 0, to: old.count, by: stride) where old[from] != 0 {
            guard (2..<stride).contains(where: { old[from + $0] > now }) else { continue }
            let place = room(from: first(old[from]), now: now)
            if words[place] == 0 { taken += 1 } else { evicted &+= 1 }
            for index in 0..<stride { words[place + index] = old[from + index] }
        }
    }
}
