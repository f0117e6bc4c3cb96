/// What a quota says to one request.
public struct QuotaDecision: Sendable {
    public var isAllowed: Bool
    /// Nanoseconds until each window of the limit is whole again; after the request, where it was allowed.
    public var debts: QuotaDebts

    @inlinable
    public init(isAllowed: Bool, debts: QuotaDebts) {
        self.isAllowed = isAllowed
        self.debts = debts
    }
}

/// Nanoseconds for each window of a limit.
public typealias QuotaDebts = InlineArray<4, UInt64>

extension QuotaLimit {
    /// The most windows of one limit.
    public static var windowsMaximum: Int { QuotaDebts.count }

    /// Whether `cost` fits into every window; it is taken from all of them or from none.
    ///
    /// - Parameter debts: before the request; afterwards they are those that hold from now on.
    @inlinable
    public func offer(cost: UInt64, debts: inout QuotaDebts) -> Bool {
        for index in windows.indices where windows[index].wait(debt: debts[index], cost: cost) > 0 { return false }
        for index in windows.indices {
            // It fits, so the sum is at most the window's span.
            debts[index] &+= windows[index].interval &* cost
        }
        return true
    }

    /// Whole seconds until the refused request may pass, at least 1; 0 when it costs more than there ever is.
    public func retryAfterSeconds(_ decision: QuotaDecision, cost: UInt64) -> Int {
        guard windows.allSatisfy({ cost <= UInt64($0.burst) }) else { return 0 }
        var longest: UInt64 = 0
        for index in windows.indices {
            longest = max(longest, windows[index].wait(debt: decision.debts[index], cost: cost))
        }
        return max(1, Self.seconds(longest))
    }

    /// Rounded up, so that who waits as long as that does not come too early.
    static func seconds(_ nanoseconds: UInt64) -> Int {
        Int(clamping: nanoseconds / 1_000_000_000) + (nanoseconds % 1_000_000_000 > 0 ? 1 : 0)
    }
}
