import Synchronization
import UsherConfiguration
import UsherCore
import UsherQuotas
import UsherTelemetry

/// What is shed at the moment, as every worker reads it.
final class Pressure: Sendable {
    private let raw = Atomic<Int>(PressureLevel.none.rawValue)

    var level: PressureLevel { PressureLevel(rawValue: self.raw.load(ordering: .relaxed)) ?? .none }

    /// The memory that the process may take. Unit: bytes.
    static func limit(_ settings: Settings) -> UInt64 {
        settings.limits.memory.map { UInt64(clamping: $0.bytes) } ?? Self.available / 10 * 9
    }

    private static let available = AvailableMemory.bytes()

    func set(_ level: PressureLevel) {
        self.raw.store(level.rawValue, ordering: .relaxed)
    }
}

extension Worker {
    /// Why nothing is done for this caller now; nil: it is.
    func shedding(of caller: Caller) -> PathRefusal? {
        guard caller.isAnonymous, self.commons.pressure.level == .anonymous else { return nil }
        self.metrics.shedRequests &+= 1
        return .shed
    }
}
