internal import Glibc
package import Logging

/// The server log: lines for people on standard error, `2026-11-22T10:00:00Z info  message key=value`.
package struct ServerLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let descriptor: Int32

    /// Writes to `descriptor`, which stays open; standard error by default.
    package init(level: Logger.Level, descriptor: Int32 = 2) {
        logLevel = level
        self.descriptor = descriptor
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let line = Self.line(
            unixSeconds: Int64(time.tv_sec), level: event.level, message: "\(event.message)",
            metadata: all.map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 })
        // One write a line keeps lines of several threads apart. Nobody is left to tell when it fails. A reader that
        // has
        // stopped reading must not stop us: a line that would have to wait is dropped (a pipe that polls writable takes
        // PIPE_BUF bytes at once).
        var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&target, 1, 0) == 1, target.revents & Int16(POLLOUT) != 0 else { return }
        line.withUnsafeBytes { bytes in
            _ = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        }
    }

    /// One line with its line feed; control characters are escaped, so that no message makes a second one.
    static func line(
        unixSeconds: Int64, level: Logger.Level, message: String, metadata: [(key: String, value: String)]
    ) -> [UInt8] {
        var timestamp = TimestampCache()
        timestamp.update(unixSeconds: unixSeconds)
        var text = "Z " + level.rawValue.padded(to: 5) + " " + escaped(message)
        for (key, value) in metadata {
            text += " " + escaped(key) + "=" + quoted(value)
        }
        return timestamp.date + text.utf8 + [UInt8(ascii: "\n")]
    }

    /// The value as it is, or in quotes where it would not read as one word.
    private static func quoted(_ value: String) -> String {
        let clean = escaped(value)
        guard clean.isEmpty || clean.contains(where: { $0 == " " || $0 == "=" || $0 == "\"" }) else { return clean }
        return "\"" + clean.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\""
    }

    private static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var clean = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": clean += "\\n"
            case "\r": clean += "\\r"
            case "\t": clean += "\\t"
            case _ where isControl(scalar):
                let digits = String(scalar.value, radix: 16)
                clean += "\\u" + String(repeating: "0", count: max(4 - digits.count, 0)) + digits
            default: clean.unicodeScalars.append(scalar)
            }
        }
        return clean
    }

    /// Control characters, and the separators and direction marks that can make a terminal show another line.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1f, 0x7f...0x9f, 0x2028...0x202e, 0x2066...0x2069: true
        default: false
        }
    }
}

/// The server log as every part of the process uses it.
package enum ServerLog {
    /// Makes standard error the place of all log lines; called once, first thing in the process.
    ///
    /// `level` is one of `levels`; anything else counts as `info` (the configuration has refused it by then).
    package static func bootstrap(level: String) {
        let level = Logger.Level(rawValue: level) ?? .info
        LoggingSystem.bootstrap { _ in ServerLogHandler(level: level) }
    }

    /// What `log.level` may be.
    package static let levels: [String] = Logger.Level.allCases.map(\.rawValue)
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(width - count, 0))
    }
}
