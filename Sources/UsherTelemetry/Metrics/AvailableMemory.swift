internal import Glibc

/// How much memory there is for this process.
package enum AvailableMemory {
    /// The machine's, or less where a control group says so (cgroup v2). Unit: bytes; 0: unknown.
    package static func bytes() -> UInt64 {
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let size = sysconf(Int32(_SC_PAGESIZE))
        let machine = pages > 0 && size > 0 ? UInt64(pages) * UInt64(size) : 0
        let group = Self.group.flatMap { Self.limit(of: $0) }
        guard let group else { return machine }
        return machine == 0 ? group : min(machine, group)
    }

    /// The process's group, as `0::/path` in /proc/self/cgroup.
    private static var group: String? {
        guard let text = ProcessUsage.readText("/proc/self/cgroup"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::") })
        else { return nil }
        return String(line.dropFirst(3))
    }

    /// The least limit of the group and of those above it.
    private static func limit(of group: String) -> UInt64? {
        var least: UInt64?
        var path = "/sys/fs/cgroup" + (group == "/" ? "" : group)
        while path.hasPrefix("/sys/fs/cgroup") {
            let text = ProcessUsage.readText(path + "/memory.max") ?? ""
            if let limit = UInt64(text.filter { $0 != "\n" }) { least = min(least ?? limit, limit) }
            guard let slash = path.lastIndex(of: "/") else { break }
            path = String(path[..<slash])
        }
        return least
    }
}
