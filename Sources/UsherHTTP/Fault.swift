/// Everything that can be wrong with a message, in one byte, so that scanning moves no text about.
enum Fault: UInt8 {
    case bareReturn, bareLineFeed, emptyLines
    case malformedMethod, methodTooLong, malformedTarget, connectTarget, asteriskTarget, targetAuthority
    case backslash, percentEncoding, encodedNUL, aboveRoot, hiddenDots
    case malformedVersion, unknownVersion, requestLineTooLong
    case malformedStatus, controlInReason, bodyWhereNoneMayBe
    case emptyName, whiteSpaceInName, foldedLine, malformedName, controlInValue, tooManyFields, headTooLarge
    case noHost, severalHosts, malformedHost
    case aliasOfLength, severalLengths, malformedLength, lengthAndCoding
    case aliasOfCoding, severalCodings, malformedCoding, unknownCoding, codingInVersion10
    case unknownExpectation, malformedConnection, tooManyOptions, essentialOption
    case malformedChunk, chunkTooLarge, extensionsTooLong, tooManyTrailers, trailersTooLarge

    /// The status and the words for it.
    var refusal: Refusal {
        Refusal(status, reason)
    }

    private var status: Int {
        switch self {
        case .requestLineTooLong: 414
        case .unknownExpectation: 417
        case .tooManyFields, .headTooLarge, .tooManyTrailers, .trailersTooLarge: 431
        case .methodTooLong, .unknownCoding: 501
        case .unknownVersion: 505
        default: 400
        }
    }

    private var reason: String {
        switch self {
        case .bareReturn: "bare CR in the head"
        case .bareLineFeed: "bare LF in the head"
        case .emptyLines: "too many empty lines"
        case .malformedMethod: "malformed method"
        case .methodTooLong: "method too long"
        case .malformedTarget: "malformed target"
        case .connectTarget: "malformed target of CONNECT"
        case .asteriskTarget: "target * is for OPTIONS only"
        case .targetAuthority: "malformed authority in the target"
        case .backslash: "backslash in the path"
        case .percentEncoding: "malformed percent-encoding"
        case .encodedNUL: "encoded NUL in the path"
        case .aboveRoot: "path climbs above its root"
        case .hiddenDots: "ambiguous dot segment"
        case .malformedVersion: "malformed version"
        case .unknownVersion: "unknown version"
        case .requestLineTooLong: "request line too long"
        case .malformedStatus: "malformed status"
        case .controlInReason: "control byte in the reason"
        case .bodyWhereNoneMayBe: "body where none may be"
        case .emptyName: "empty field name"
        case .whiteSpaceInName: "white space in a field name"
        case .foldedLine: "folded field line"
        case .malformedName: "forbidden byte in a field name"
        case .controlInValue: "control byte in a field value"
        case .tooManyFields: "too many fields"
        case .headTooLarge: "head too large"
        case .noHost: "no Host"
        case .severalHosts: "more than one Host"
        case .malformedHost: "malformed Host"
        case .aliasOfLength: "misspelt Content-Length"
        case .severalLengths: "more than one Content-Length"
        case .malformedLength: "malformed Content-Length"
        case .lengthAndCoding: "both Content-Length and Transfer-Encoding"
        case .aliasOfCoding: "misspelt Transfer-Encoding"
        case .severalCodings: "more than one Transfer-Encoding"
        case .malformedCoding: "malformed Transfer-Encoding"
        case .unknownCoding: "unknown transfer coding"
        case .codingInVersion10: "Transfer-Encoding in HTTP/1.0"
        case .unknownExpectation: "unknown expectation"
        case .malformedConnection: "malformed Connection"
        case .tooManyOptions: "too many connection options"
        case .essentialOption: "Connection names a field that must pass"
        case .malformedChunk: "malformed chunk"
        case .chunkTooLarge: "chunk too large"
        case .extensionsTooLong: "chunk extensions too long"
        case .tooManyTrailers: "too many trailers"
        case .trailersTooLarge: "trailers too large"
        }
    }
}
