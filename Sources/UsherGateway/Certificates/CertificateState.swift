import Logging
import UsherConsole
import UsherTransport

/// What became of the files of one certificate, or of a file of authorities.
struct CertificateState: Sendable {
    /// Absolute path: of a certificate the file with its chain.
    let file: String
    /// Of the certificate in use; nil when there is none, and for authorities.
    var facts: CertificateFacts? {
        didSet { self.warned = .nothing }
    }
    /// Something that came from the file is in use, if not what it holds now.
    var isInUse = false
    /// Why the files as they are now are not used; nil when they are.
    var problem: String?
    /// Changes that were taken over.
    var replaced: UInt64 = 0
    /// Changes that were refused, because something is wrong with them.
    var refused: UInt64 = 0
    /// What the log has said of its end.
    private var warned = Warning.nothing

    enum Warning: Int, Comparable {
        case nothing, soon, expired
        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    init(file: String) {
        self.file = file
    }

    /// Writes to the log when a certificate in use comes near its end, and when it has reached it: once each.
    mutating func warn(_ logger: Logger, atUnixSeconds now: Int) {
        guard let facts else { return }
        let left = facts.daysLeft(atUnixSeconds: now)
        let warning: Warning = left < 0 ? .expired : left <= CertificateReport.soonDays ? .soon : .nothing
        guard warning > self.warned else { return }
        self.warned = warning
        if warning == .expired {
            logger.error("a certificate in use has expired", metadata: ["file": "\(self.file)"])
        } else {
            logger.warning(
                "a certificate expires soon", metadata: ["file": "\(self.file)", "days-left": "\(left)"])
        }
    }
}
