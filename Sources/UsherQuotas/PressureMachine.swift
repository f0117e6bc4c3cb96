/// What has to be given up so that the rest goes on.
public enum PressureLevel: Int, Sendable, Hashable, Comparable {
    case none
    /// No new connections.
    case newConnections
    /// And nothing for callers that nobody knows.
    case anonymous

    public static func < (left: PressureLevel, right: PressureLevel) -> Bool { left.rawValue < right.rawValue }
}

/// Decides by the memory in use what to shed: new connections from `lower` of the limit on, anonymous callers at the
/// limit. A level that was reached is left only `gap` below where it began, so that it does not flicker.
///
/// Never reads a clock or the system.
public struct PressureMachine: Sendable {
    /// Shares of the limit.
    public static let lower = 0.9
    public static let gap = 0.05

    public private(set) var level = PressureLevel.none

    public init() {}

    /// Memory was measured. Returns the level when it is another one now.
    ///
    /// - Parameters: unit of both: bytes; a limit of 0 is none.
    public mutating func measured(used: UInt64, limit: UInt64) -> PressureLevel? {
        let share = limit == 0 ? 0 : Double(used) / Double(limit)
        var next = Self.level(at: share)
        // What was entered is left later.
        if next < level { next = min(level, Self.level(at: share + Self.gap)) }
        guard next != level else { return nil }
        level = next
        return next
    }

    private static func level(at share: Double) -> PressureLevel {
        share >= 1 ? .anonymous : share >= lower ? .newConnections : .none
    }
}
