/// Reads a status line byte by byte (RFC 9112 §4); a missing space before an empty reason is accepted.
struct StatusLine: StartLine {
    private enum Phase: UInt8 {
        case version, status, separator, reason, lineFeed
    }

    static let isRequest = false

    private(set) var version = HTTPVersion.http11
    /// 100 to 999.
    private(set) var status = 0
    private(set) var reason = ByteSlice.empty

    private var phase = Phase.version
    private var count = 0
    private var reasonStart = 0

    static func bound(_ limits: HeadLimits) -> Int {
        min(max(0, limits.head), HeadLimits.largestHead)
    }

    static var tooLong: Fault { .headTooLarge }

    mutating func reset() {
        self = StatusLine()
    }

    @inline(__always)
    mutating func scan(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> ScanStep {
        while position < end {
            let byte = bytes[position]
            switch phase {
            case .version:
                if let fault = scanVersion(byte) { return .refused(fault) }
            case .status:
                guard Octets.isDigit(byte), count > 0 || byte != 0x30 else {
                    return .refused(.malformedStatus)
                }
                status = status * 10 + Int(byte &- 0x30)
                count += 1
                if count == 3 { phase = .separator }
            case .separator:
                reasonStart = position + 1
                if byte == Octets.carriageReturn {
                    reasonStart = position
                    phase = .lineFeed
                } else if byte == Octets.space {
                    phase = .reason
                } else {
                    return .refused(.malformedStatus)
                }
            case .reason:
                position = Octets.firstControl(bytes, from: position, to: end)
                guard position < end else { return .needsMore }
                guard bytes[position] == Octets.carriageReturn || bytes[position] == Octets.tab else {
                    return .refused(.controlInReason)
                }
                if bytes[position] == Octets.carriageReturn { phase = .lineFeed }
            case .lineFeed:
                guard byte == Octets.lineFeed else { return .refused(.bareReturn) }
                reason = ByteSlice(from: reasonStart, to: position &- 1)
                position &+= 1
                return .done
            }
            position &+= 1
        }
        return .needsMore
    }

    private mutating func scanVersion(_ byte: UInt8) -> Fault? {
        let prefix: StaticString = "HTTP/1."
        defer { count += 1 }
        switch count {
        case 0..<7:
            return unsafe byte == prefix.utf8Start[count] ? nil : .malformedVersion
        case 7:
            guard byte == 0x30 || byte == 0x31 else { return .unknownVersion }
            version = byte == 0x30 ? .http10 : .http11
            return nil
        default:
            guard byte == Octets.space else { return .malformedVersion }
            phase = .status
            count = -1
            return nil
        }
    }
}
