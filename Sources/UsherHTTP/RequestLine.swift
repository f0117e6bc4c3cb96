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
    /// Nothing was seen in the target that can need canonicalising.
    private var isPlain = true
    /// Place of the first `?`.
    private var question: Int?

    mutating func reset() {
        method = .other
        methodSlice = .empty
        target = Target()
        version = .http11
        if !canonical.isEmpty { canonical = [] }
        phase = .method
        versionCount = 0
        isPlain = true
        question = nil
    }

    static func bound(_ limits: HeadLimits) -> Int {
        min(max(0, limits.requestLine), HeadLimits.largestHead) + 2
    }

    static var tooLong: Fault { .requestLineTooLong }

    @inline(__always)
    mutating func scan(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> ScanStep {
        switch phase {
        case .method:
            while position < end, isMethodByte(bytes[position]) { position &+= 1 }
            guard position <= Self.longestMethod else { return .refused(.methodTooLong) }
            guard position < end else { return .needsMore }
            guard bytes[position] == Octets.space, position > 0 else { return .refused(.malformedMethod) }
            methodSlice = ByteSlice(from: 0, to: position)
            method = Method(bytes, count: position)
            position &+= 1
            targetStart = position
            phase = .target
            fallthrough
        case .target:
            guard scanTarget(bytes, &position, end: end) else { return .needsMore }
            guard bytes[position] == Octets.space, position > targetStart else { return .refused(.malformedTarget) }
            targetEnd = position
            position &+= 1
            phase = .version
            fallthrough
        case .version:
            if let fault = scanVersion(bytes, &position, end: end) { return .refused(fault) }
            guard versionCount == 8 else { return .needsMore }
            phase = .carriageReturn
            fallthrough
        case .carriageReturn:
            guard position < end else { return .needsMore }
            guard bytes[position] == Octets.carriageReturn else { return .refused(.malformedVersion) }
            position &+= 1
            phase = .lineFeed
            fallthrough
        case .lineFeed:
            guard position < end else { return .needsMore }
            guard bytes[position] == Octets.lineFeed else { return .refused(.bareReturn) }
            position &+= 1
            return readTarget(bytes)
        }
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
        while index < end {
            let byte = bytes[index]
            if !Octets.plain.contains(byte) {
                if byte == 0x2F || byte == 0x2E {
                    // Two slashes, or a dot behind one, may have to go.
                    if index > targetStart, bytes[index &- 1] == 0x2F { isPlain = false }
                } else if byte == 0x3F {
                    if question == nil { question = index }
                } else if Octets.encoding.contains(byte) {
                    isPlain = false
                } else {
                    break
                }
            }
            index &+= 1
        }
        position = index
        return index < end
    }

    @inline(__always)
    private mutating func scanVersion(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> Fault? {
        // "HTTP/1.1" as one word.
        if versionCount == 0, end &- position >= 8, Octets.word(bytes, at: position) == 0x312E_312F_5054_5448 {
            position &+= 8
            versionCount = 8
            return nil
        }
        while versionCount < 8, position < end {
            if let fault = scanVersion(bytes[position]) { return fault }
            versionCount += 1
            position &+= 1
        }
        return nil
    }

    private mutating func scanVersion(_ byte: UInt8) -> Fault? {
        let prefix: StaticString = "HTTP/"
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
            return nil
        }
    }

    @inline(__always)
    private mutating func readTarget(_ bytes: Span<UInt8>) -> ScanStep {
        let fault = target.read(
            bytes, from: targetStart, to: targetEnd, method: method, isPlain: isPlain, question: question,
            into: &canonical)
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
