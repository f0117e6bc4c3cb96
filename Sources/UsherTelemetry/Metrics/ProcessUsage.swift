internal import Glibc

/// What the process uses, read from the kernel when `/metrics` is asked for.
package struct ProcessUsage: Sendable, Hashable {
    /// User and system time.
    package var cpuNanoseconds: UInt64
    package var residentBytes: UInt64
    package var startedUnixNanoseconds: UInt64
    package var openFiles: Int
    package var fileLimit: UInt64

    package init(
        cpuNanoseconds: UInt64, residentBytes: UInt64, startedUnixNanoseconds: UInt64, openFiles: Int,
        fileLimit: UInt64
    ) {
        self.cpuNanoseconds = cpuNanoseconds
        self.residentBytes = residentBytes
        self.startedUnixNanoseconds = startedUnixNanoseconds
        self.openFiles = openFiles
        self.fileLimit = fileLimit
    }

    /// Asks the kernel; nil where it gives no `/proc`. Some tens of microseconds and file reads: not for event loops.
    package static func now() -> ProcessUsage? {
        guard let statistics = readText("/proc/self/stat"), let afterName = statistics.lastIndex(of: ")") else {
            return nil
        }
        // proc_pid_stat(5): after the name in parentheses come field 3 and up; 22 is the start, 24 the resident pages.
        let fields = statistics[statistics.index(after: afterName)...].split(separator: " ")
        guard fields.count > 21, let startTicks = UInt64(fields[19]), let pages = UInt64(fields[21]) else { return nil }
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        var limit = rlimit()
        let hasLimit = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        return ProcessUsage(
            cpuNanoseconds: nanoseconds(usage.ru_utime).addingSaturating(nanoseconds(usage.ru_stime)),
            residentBytes: pages.multipliedReportingOverflow(by: UInt64(clamping: sysconf(Int32(_SC_PAGESIZE))))
                .partialValue,
            startedUnixNanoseconds: started(ticks: startTicks),
            openFiles: countEntries("/proc/self/fd"),
            fileLimit: hasLimit ? UInt64(limit.rlim_cur) : 0)
    }

    /// The resident memory alone, which is quick; nil where the kernel gives no `/proc`.
    package static func residentBytesNow() -> UInt64? {
        // proc_pid_statm(5): the second number is the resident pages.
        guard let fields = readText("/proc/self/statm")?.split(separator: " "), fields.count > 1,
            let pages = UInt64(fields[1])
        else { return nil }
        return pages &* UInt64(clamping: sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func nanoseconds(_ time: timeval) -> UInt64 {
        UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_usec) &* 1000
    }

    private static func started(ticks: UInt64) -> UInt64 {
        let perSecond = max(UInt64(clamping: sysconf(Int32(_SC_CLK_TCK))), 1)
        return booted &+ ticks / perSecond &* 1_000_000_000 &+ ticks % perSecond &* (1_000_000_000 / perSecond)
    }

    /// When the machine began, since the Unix epoch; taken once, so that the start of the process never wavers.
    private static let booted: UInt64 = {
        var real = timespec()
        var sinceBoot = timespec()
        guard clock_gettime(CLOCK_REALTIME, &real) == 0, clock_gettime(CLOCK_BOOTTIME, &sinceBoot) == 0 else {
            return 0
        }
        return nanoseconds(real) &- min(nanoseconds(sinceBoot), nanoseconds(real))
    }()

    private static func nanoseconds(_ time: timespec) -> UInt64 {
        UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
    }

    private static func countEntries(_ folder: String) -> Int {
        guard let directory = opendir(folder) else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Without ".", ".." and the descriptor that reads the folder.
        return max(count - 3, 0)
    }

    /// The first 64 KiB of a small file of the kernel's.
    static func readText(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 65536)
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                read(file, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
            }
            guard count > 0 else { break }
            filled += count
        }
        return String(decoding: bytes[..<filled], as: UTF8.self)
    }
}
