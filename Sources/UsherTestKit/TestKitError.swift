/// Why a test's own connection or event did not do what the test waited for.
public enum TestKitError: Error, Sendable, CustomStringConvertible {
    /// The limit is over; the text says what was awaited and what had come until then.
    case timedOut(String)
    /// The connection ended before what was awaited had come whole.
    case ended(String)
    /// What came is no HTTP/1.1 message.
    case malformed(String)

    public var description: String {
        switch self {
        case .timedOut(let what): "timed out: \(what)"
        case .ended(let what): "the connection ended: \(what)"
        case .malformed(let what): "not HTTP: \(what)"
        }
    }
}
