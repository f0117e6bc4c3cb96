import UsherCaching
import UsherHTTP

/// Why a request goes past its route's cache whatever is there.
enum CachePass {
    case method
    case body
    case upgrade
    /// `If-Match` or `If-Unmodified-Since`.
    case precondition

    /// Nil: the cache is asked.
    init?(_ head: RequestHead) {
        guard head.method == .get || head.method == .head else {
            self = .method
            return
        }
        // Some clients say of a GET that its body is empty.
        if head.framing != .none, head.framing != .length(0) {
            self = .body
        } else if head.upgrade != nil {
            self = .upgrade
        } else if Precondition.mustBypass(head) {
            self = .precondition
        } else {
            return nil
        }
    }

    var forward: CacheStatus.Forward {
        switch self {
        case .method: .method
        case .body, .upgrade, .precondition: .bypass
        }
    }

    /// For people.
    var why: StaticString {
        switch self {
        case .method: "only answers to GET and HEAD are kept"
        case .body: "the request has a body"
        case .upgrade: "the request wants another protocol"
        case .precondition: "If-Match and If-Unmodified-Since are for the service alone"
        }
    }
}
