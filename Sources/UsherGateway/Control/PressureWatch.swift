import FoundationEssentials
import Logging
import ServiceLifecycle
import UsherConfiguration
import UsherCore
import UsherQuotas
import UsherTelemetry

#if canImport(Glibc)
    import Glibc
#endif

/// Measures the memory of the process four times a second, and sheds load near its limit: new connections first, then
/// anonymous callers.
struct PressureWatch: Service {
    let front: FrontDoor
    let plane: ControlPlane
    let pressure: Pressure
    let logger: Logger

    private static let interval = Duration.milliseconds(250)

    func run() async throws {
        let available = AvailableMemory.bytes()
        await cancelWhenGracefulShutdown {
            var machine = PressureMachine()
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                guard let used = ProcessUsage.residentBytesNow() else { continue }
                let configured = self.plane.now.snapshot.settings.limits.memory.map { UInt64(clamping: $0.bytes) }
                let limit = configured ?? available / 10 * 9
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

/// How much memory there is for this process.
enum AvailableMemory {
    /// The machine's, or less where a control group says so (cgroup v2). Unit: bytes; 0: unknown.
    static func bytes() -> UInt64 {
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let size = sysconf(Int32(_SC_PAGESIZE))
        let machine = pages > 0 && size > 0 ? UInt64(pages) * UInt64(size) : 0
        let group = Self.group.flatMap { Self.limit(of: $0) }
        guard let group else { return machine }
        return machine == 0 ? group : min(machine, group)
    }

    /// The process's group, as `0::/path` in /proc/self/cgroup.
    private static var group: String? {
        guard let text = try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::") })
        else { return nil }
        return String(line.dropFirst(3))
    }

    /// The least limit of the group and of those above it.
    private static func limit(of group: String) -> UInt64? {
        var least: UInt64?
        var path = "/sys/fs/cgroup" + (group == "/" ? "" : group)
        while path.hasPrefix("/sys/fs/cgroup") {
            let text = (try? String(contentsOfFile: path + "/memory.max", encoding: .utf8)) ?? ""
            if let limit = UInt64(text.filter { $0 != "\n" }) { least = min(least ?? limit, limit) }
            guard let slash = path.lastIndex(of: "/") else { break }
            path = String(path[..<slash])
        }
        return least
    }
}
