import Logging
import UsherCore
import UsherHTTP
import UsherTelemetry
import UsherTransport

/// Writes a line about each connection on which a client did something wrong, and no more lines than somebody can read:
/// whoever floods us must not flood the log.
struct ClientLog {
    /// Lines of one worker in a second.
    private static let linesMax = 5

    private let logger: Logger
    private var second: UInt64 = 0
    private var lines = 0
    private var suppressed = 0

    init(logger: Logger) {
        self.logger = logger
    }

    mutating func note(_ outcome: HandshakeOutcome, with peer: Peer, now: MonotonicTime) {
        if let line = Self.line(on: outcome) { self.note(line, peer, now) }
    }

    mutating func note(_ reason: StaticReason, with peer: Peer, now: MonotonicTime) {
        self.note((.info, "an HTTP/2 connection was ended", ["reason": "\(reason)"]), peer, now)
    }

    private typealias Line = (level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata)

    private mutating func note(_ line: Line, _ peer: Peer, _ now: MonotonicTime) {
        guard self.logger.logLevel <= line.level else { return }
        if now.nanoseconds / 1_000_000_000 != self.second {
            self.second = now.nanoseconds / 1_000_000_000
            self.lines = 0
        }
        guard self.lines < Self.linesMax else {
            self.suppressed += 1
            return
        }
        self.lines += 1
        var metadata = line.metadata
        metadata["client"] = "\(peer.address.map { "\($0)" } ?? "unix")"
        if self.suppressed > 0 { metadata["lines-left-out"] = "\(self.suppressed)" }
        self.suppressed = 0
        self.logger.log(level: line.level, line.message, metadata: metadata)
    }

    /// Nil: nothing to say.
    private static func line(on outcome: HandshakeOutcome) -> Line? {
        switch outcome {
        case .completed(nil): nil
        case .completed(let name?):
            (.info, "no certificate is of the name that a client asked for; it got the first one", ["name": "\(name)"])
        case .plaintext: (.info, "a client did not speak TLS to a listener with `tls`; it was told so", [:])
        case .noProtocol: (.info, "a client speaks neither HTTP/2 nor HTTP/1.1 inside TLS", [:])
        case .timedOut: (.info, "a TLS handshake took too long and was ended", [:])
        case .aborted: (.debug, "a client left in the middle of its TLS handshake", [:])
        case .failed(let reason): (.info, "a TLS handshake failed", ["reason": "\(reason)"])
        }
    }
}

extension HandshakeOutcome {
    /// What it counts as.
    var end: HandshakeEnd {
        switch self {
        case .completed: .completed
        case .plaintext: .plaintext
        case .noProtocol: .noProtocol
        case .timedOut: .timedOut
        case .aborted: .aborted
        case .failed: .failed
        }
    }
}
