/// What this cache knows of status codes.
enum StatusRules {
    /// Whether an answer without explicit freshness may be kept for a guessed time (RFC 9110 §15.1); 206 is not,
    /// because parts are not stored here.
    static func isHeuristicallyCacheable(_ status: Int) -> Bool {
        switch status {
        case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501: true
        default: false
        }
    }

    /// Whether an answer may not be stored whatever it says: interim ones, parts, answers to a condition or a range of
    /// one request, and those that RFC 6585 excludes.
    static func isNeverStored(_ status: Int) -> Bool {
        switch status {
        case ..<200, 206, 304, 412, 416, 428, 429, 431, 511: true
        default: false
        }
    }

    /// Whether the rules for storing answers with the status are known here, for `must-understand` (RFC 9111 §5.2.2.3):
    /// those of RFC 9110 §15 that may be stored.
    static func isUnderstood(_ status: Int) -> Bool {
        guard !isNeverStored(status) else { return false }
        switch status {
        case 200...205, 300...303, 305, 307, 308, 400...417, 421, 422, 426, 500...505: return true
        default: return false
        }
    }
}
