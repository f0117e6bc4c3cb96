/// Reads a request line byte by byte (RFC 9112 §3): one space between the parts, CRLF at the end, nothing else.
struct RequestLine: StartLine {
    private enum Phase: UInt8 {
        case method, target, version, carriageReturn, lineFeed
    }

    /// Longest method name in bytes; longer ones get 501 (RFC 9112 §3).
    static let longestMethod = 32

    static let isRequest = true

    private(set) var method = Method.other
    private(set) var methodSlice = ByteSlice.empty
    private(set) var target = Target()
    private(set) var version = HTTPVersion.http11
    /// The canonical target when it differs from the received one, as path, `?` and query; else empty.
    private(set) var canonical: [UInt8] = []

    private var phase = Phase.method
    private var targetStart = 0
    private var targetEnd = 0
    private var versionCount = 0
    private var seen: UInt8 = 0
    private var previous: UInt8 = 0
    /// Not zero when a slash is followed by a slash or a dot.
    private var pairs: UInt8 = 0

    mutating func reset() {
        method = .other
        methodSlice = .empty
        target = Target()
        version = .http11
        if !canonical.isEmpty { canonical = [] }
        phase = .method
        versionCount = 0
        seen = 0
        previous = 0
        pairs = 0
    }

    static func bound(_ limits: HeadLimits) -> Int {
        min(max(0, limits.requestLine), HeadLimits.largestHead) + 2
    }

    static var tooLong: Fault { .requestLineTooLong }

    @inline(__always)
    mutating func scan(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> ScanStep {
        while position < end {
            switch phase {
            case .method:
                while position < end, isMethodByte(bytes[position]) { position &+= 1 }
                guard position <= Self.longestMethod else { return .refused(.methodTooLong) }
                guard position < end else { return .needsMore }
                guard bytes[position] == Octets.space, position > 0 else {
                    return .refused(.malformedMethod)
                }
                methodSlice = ByteSlice(from: 0, to: position)
                method = Method(bytes, count: position)
                position &+= 1
                targetStart = position
                phase = .target
            case .target:
                guard scanTarget(bytes, &position, end: end) else { return .needsMore }
                guard bytes[position] == Octets.space, position > targetStart else {
                    return .refused(.malformedTarget)
                }
                targetEnd = position
                position &+= 1
                phase = .version
            case .version:
                if let fault = scanVersion(bytes[position]) { return .refused(fault) }
                position &+= 1
            case .carriageReturn:
                guard bytes[position] == Octets.carriageReturn else {
                    return .refused(.malformedVersion)
                }
                position &+= 1
                phase = .lineFeed
            case .lineFeed:
                guard bytes[position] == Octets.lineFeed else { return .refused(.bareReturn) }
                position &+= 1
                return readTarget(bytes)
            }
        }
        return .needsMore
    }

    /// Upper case, digits, `-` and `_`: lower-case spellings of known methods would be two views of one request.
    @inline(__always)
    private func isMethodByte(_ byte: UInt8) -> Bool {
        byte &- 0x41 < 26 || byte == 0x2D || byte == 0x5F || Octets.isDigit(byte)
    }

    /// Whether the byte behind the target was found.
    @inline(__always)
    private mutating func scanTarget(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> Bool {
        var index = position
        var (all, last, risky) = (seen, previous, pairs)
        while index < end {
            let kind = Target.Class.table[Int(bytes[index])]
            guard kind != 0 else { break }
            all |= kind
            // All bits when the byte before was a slash.
            risky |= (0 &- (last &>> 1 & 1)) & kind & (Target.Class.slash | Target.Class.dot)
            last = kind
            index &+= 1
        }
        (seen, previous, pairs) = (all, last, risky)
        position = index
        return index < end
    }

    private mutating func scanVersion(_ byte: UInt8) -> Fault? {
        let prefix: StaticString = "HTTP/"
        defer { versionCount += 1 }
        switch versionCount {
        case 0..<5:
            return unsafe byte == prefix.utf8Start[versionCount] ? nil : .malformedVersion
        case 5:
            guard Octets.isDigit(byte) else { return .malformedVersion }
            return byte == 0x31 ? nil : .unknownVersion
        case 6:
            return byte == 0x2E ? nil : .malformedVersion
        default:
            guard Octets.isDigit(byte) else { return .malformedVersion }
            guard byte <= 0x31 else { return .unknownVersion }
            version = byte == 0x30 ? .http10 : .http11
            phase = .carriageReturn
            return nil
        }
    }

    @inline(__always)
    private mutating func readTarget(_ bytes: Span<UInt8>) -> ScanStep {
        let isPlain = seen & Target.Class.encoding == 0 && pairs == 0
        let fault = target.read(
            bytes, from: targetStart, to: targetEnd, method: method, seen: seen, isPlain: isPlain, into: &canonical)
        return fault.map { .refused($0) } ?? .done
    }
}

extension Method {
    /// The method whose name the first `count` bytes of a head are.
    @inline(__always)
    init(_ bytes: Span<UInt8>, count: Int) {
        switch count {
        case 3:
            let name = (bytes[0], bytes[1], bytes[2])
            self = name == (0x47, 0x45, 0x54) ? .get : name == (0x50, 0x55, 0x54) ? .put : .other
        case 4:
            switch Octets.halfWord(bytes, at: 0) {
            case 0x4441_4548: self = .head
            case 0x5453_4F50: self = .post
            default: self = .other
            }
        default:
            self.init(longer: bytes.extracting(0..<count))
        }
    }

    private init(longer name: Span<UInt8>) {
        if equalsIgnoringCase(name, "delete") {
            self = .delete
        } else if equalsIgnoringCase(name, "options") {
            self = .options
        } else if equalsIgnoringCase(name, "patch") {
            self = .patch
        } else if equalsIgnoringCase(name, "trace") {
            self = .trace
        } else if equalsIgnoringCase(name, "connect") {
            self = .connect
        } else {
            self = .other
        }
    }
}
