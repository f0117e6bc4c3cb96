/// A request target taken apart (RFC 9112 §3.2), with the canonical text when it is not the received one.
struct Target {
    /// From a URI in the target; `Host` counts when there is none.
    var authority: ByteSlice?
    /// Canonical; places in the canonical text when that is needed, else in the head.
    var path = ByteSlice.empty
    /// Without `?`; nil when there is no `?`.
    var query: ByteSlice?
    var hasEncodedSlash = false
    /// `path` and `query` lie in the canonicaliser's text.
    var isRewritten = false

    /// Takes apart the target at a place in a head, or says why it is refused. `isPlain` tells that nothing in it can
    /// need canonicalising, `question` is the place of its first `?`.
    @inline(__always)
    mutating func read(
        _ bytes: Span<UInt8>, from start: Int, to end: Int, method: Method, isPlain: Bool, question: Int?,
        into canonical: inout [UInt8]
    ) -> Fault? {
        guard isPlain, method != .connect, bytes[start] == 0x2F else {
            return readSlowly(bytes, from: start, to: end, method: method, into: &canonical)
        }
        path = ByteSlice(from: start, to: question ?? end)
        if let question { query = ByteSlice(from: question &+ 1, to: end) }
        return nil
    }

    @inline(never)
    private mutating func readSlowly(
        _ bytes: Span<UInt8>, from start: Int, to end: Int, method: Method, into canonical: inout [UInt8]
    ) -> Fault? {
        var pathStart = start
        if method == .connect {
            guard Authority.isValid(bytes.extracting(start..<end), portRequired: true) else {
                return .connectTarget
            }
            authority = ByteSlice(from: start, to: end)
            return nil
        }
        if bytes[start] == 0x2A, end - start == 1 {
            guard method == .options else { return .asteriskTarget }
            path = ByteSlice(from: start, to: end)
            return nil
        }
        if bytes[start] != 0x2F {
            let scheme = Self.schemeLength(bytes.extracting(start..<end))
            guard scheme > 0 else { return .malformedTarget }
            pathStart = start + scheme
            while pathStart < end, bytes[pathStart] != 0x2F, bytes[pathStart] != 0x3F { pathStart += 1 }
            guard Authority.isValid(bytes.extracting((start + scheme)..<pathStart)) else { return .targetAuthority }
            authority = ByteSlice(from: start + scheme, to: pathStart)
        }
        return canonicalise(bytes.extracting(pathStart..<end), at: pathStart, method: method, &canonical)
    }

    private mutating func canonicalise(
        _ received: Span<UInt8>, at offset: Int, method: Method, _ canonical: inout [UInt8]
    ) -> Fault? {
        let question = Self.firstQuestion(received, from: 0, to: received.count)
        canonical.removeAll(keepingCapacity: true)
        if received.isEmpty, method == .options {
            // The absolute form of `*` (RFC 9112 §3.2.4).
            canonical.append(0x2A)
        } else {
            var path = CanonicalPath(canonical)
            canonical = []
            if let fault = path.append(received.extracting(0..<question)) { return fault }
            hasEncodedSlash = path.hasEncodedSlash
            canonical = path.text
        }
        let pathCount = canonical.count
        if question < received.count {
            canonical.append(0x3F)
            let query = received.extracting((question + 1)..<received.count)
            if let fault = PercentEncoding.normalise(query, into: &canonical) { return fault }
        }
        isRewritten = !equals(received, canonical.span)
        let base = isRewritten ? 0 : offset
        path = ByteSlice(from: base, to: base + pathCount)
        if question < received.count {
            query = ByteSlice(from: base + pathCount + 1, to: base + canonical.count)
        }
        if !isRewritten { canonical.removeAll(keepingCapacity: true) }
        return nil
    }

    /// Length of `http://` or `https://`, 0 for anything else.
    private static func schemeLength(_ target: Span<UInt8>) -> Int {
        if target.count >= 7, equalsIgnoringCase(target.extracting(0..<7), "http://") { return 7 }
        return target.count >= 8 && equalsIgnoringCase(target.extracting(0..<8), "https://") ? 8 : 0
    }

    private static func firstQuestion(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end, bytes[index] != 0x3F { index &+= 1 }
        return index
    }

    private func equals(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        guard one.count == other.count else { return false }
        for index in one.indices where one[index] != other[index] { return false }
        return true
    }
}
