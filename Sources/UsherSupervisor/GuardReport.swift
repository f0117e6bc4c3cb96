/// What a guard says about its command on its report channel, line by line (see `usher_guard_main`).
enum GuardReport: Equatable {
    case started(pid: Int32)
    case failed(String)
    case ended(ProcessEnd)

    /// Nil for a line this version does not know.
    init?(line: some StringProtocol) {
        let words = line.split(separator: " ", maxSplits: 1)
        guard let verb = words.first, let rest = words.dropFirst().first else { return nil }
        switch verb {
        case "started":
            guard let pid = Int32(rest), pid > 0 else { return nil }
            self = .started(pid: pid)
        case "failed":
            self = .failed(String(rest))
        case "ended":
            let parts = rest.split(separator: " ")
            guard parts.count == 2, let number = Int32(parts[1]) else { return nil }
            switch parts[0] {
            case "code": self = .ended(.code(number))
            case "signal": self = .ended(.signal(number))
            default: return nil
            }
        default:
            return nil
        }
    }
}

/// Collects a guard's bytes into lines.
///
/// Only our own guard writes there, in lines of at most 2 KiB; more without a line feed is thrown away.
struct GuardReportReader {
    private static let longestLine = 4096
    private var unfinished: [UInt8] = []

    mutating func take(_ bytes: RawSpan) -> [GuardReport] {
        var reports: [GuardReport] = []
        for index in 0..<bytes.byteCount {
            let byte = bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            if byte != UInt8(ascii: "\n") {
                if unfinished.count < Self.longestLine { unfinished.append(byte) }
                continue
            }
            if let report = GuardReport(line: String(decoding: unfinished, as: UTF8.self)) { reports.append(report) }
            unfinished.removeAll(keepingCapacity: true)
        }
        return reports
    }
}
