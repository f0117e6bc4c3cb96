import Logging
import ServiceLifecycle
import UsherConfiguration
import UsherCore
import UsherQuotas
import UsherTelemetry

/// Measures the memory of the process four times a second, and sheds load near its limit: new connections first, then
/// anonymous callers.
struct PressureWatch: Service {
    let front: FrontDoor
    let plane: ControlPlane
    let pressure: Pressure
    let logger: Logger

    private static let interval = Duration.milliseconds(250)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var machine = PressureMachine()
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                guard let used = ProcessUsage.residentBytesNow() else { continue }
                let limit = Pressure.limit(self.plane.now.snapshot.settings)
                if let level = machine.measured(used: used, limit: limit) { self.enter(level, used, limit) }
            }
        }
    }

    private func enter(_ level: PressureLevel, _ used: UInt64, _ limit: UInt64) {
        self.pressure.set(level)
        self.front.overload(level != .none)
        let facts: Logger.Metadata = ["used-bytes": "\(used)", "limit-bytes": "\(limit)"]
        switch level {
        case .none: self.logger.notice("memory is enough again: everybody is served", metadata: facts)
        case .newConnections:
            self.logger.warning("memory is nearly used up: new connections are refused", metadata: facts)
        case .anonymous:
            self.logger.warning(
                "memory is used up: new connections and anonymous callers are refused", metadata: facts)
        }
    }
}
