import Foundation
import UsherLoad

/// A bar on standard error while a log is read; nothing where standard error is no terminal.
struct AdviseProgress {
    private static let width = 30
    /// Between two looks of the bar. Unit: seconds.
    private static let interval = 0.1

    private let isShown: Bool
    private let start = ProcessInfo.processInfo.systemUptime
    private var last = 0.0

    init(isWanted: Bool) {
        isShown = isWanted && isatty(STDERR_FILENO) == 1
    }

    /// - Parameter share: of all that is to be read; nil: not known.
    mutating func update(lines: Int, share: Double?) {
        let now = ProcessInfo.processInfo.systemUptime
        guard isShown, now - last >= Self.interval else { return }
        last = now
        let rate = NumberText.grouped(UInt64(Double(lines) / max(now - start, 0.001)))
        var line = "\(NumberText.grouped(UInt64(lines))) lines, \(rate)/s"
        if let share {
            let filled = Int(share * Double(Self.width))
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
            line = "[\(bar)] \(NumberText.percent(share))  " + line
        }
        show(line)
    }

    func clear() {
        if isShown { show("") }
    }

    /// Writes over the line that stands there.
    private func show(_ line: String) {
        FileHandle.standardError.write(Data("\r\(line)\u{1b}[K".utf8))
    }
}
