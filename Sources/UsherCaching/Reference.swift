internal import UsherCore
internal import UsherHTTP

/// Resolves URI references of answers (RFC 3986 §5.2) to targets of the request's own origin.
enum Reference {
    /// The target, nil when the reference is of another origin or cannot be a request's target.
    static func resolve(
        _ reference: Span<UInt8>, against base: Invalidation.Target, isSecure: Bool
    ) -> Invalidation.Target? {
        // A fragment is the client's own matter.
        var end = 0
        while end < reference.count, reference[end] != 0x23 { end += 1 }
        var rest = reference.extracting(0..<end)
        if let scheme = schemeLength(rest) {
            guard equalsIgnoringCase(rest.extracting(0..<scheme), isSecure ? "https:" : "http:") else { return nil }
            rest = rest.extracting(scheme...)
            // A scheme without an authority is no URI of HTTP.
            guard hasAuthority(rest) else { return nil }
        }
        if hasAuthority(rest) {
            let authorityEnd = endOfAuthority(rest)
            let name = rest.extracting(2..<authorityEnd)
            guard CanonicalTarget.isAuthority(name),
                Invalidation.authority(name, isSecure: isSecure) == base.authority
            else { return nil }
            rest = rest.extracting(authorityEnd...)
            return target(path: rest, behind: [], base)
        }
        return target(path: rest, behind: prefix(for: rest, base.pathAndQuery), base)
    }

    /// What of the base stands before the reference: nothing before an absolute path, all but the query before a query,
    /// the folder before anything else.
    private static func prefix(for reference: Span<UInt8>, _ base: [UInt8]) -> [UInt8] {
        if reference.isEmpty { return base }
        if reference[0] == 0x2F { return [] }
        let path = base.prefix { $0 != 0x3F }
        if reference[0] == 0x3F { return Array(path) }
        let slash = path.lastIndex(of: 0x2F) ?? 0
        return Array(path.prefix(slash + 1))
    }

    private static func target(
        path reference: Span<UInt8>, behind prefix: [UInt8], _ base: Invalidation.Target
    ) -> Invalidation.Target? {
        var text = prefix
        text.append(reference)
        let plain = removingDots(text)
        guard let canonical = CanonicalTarget.read(plain.span) else { return nil }
        return Invalidation.Target(authority: base.authority, pathAndQuery: canonical)
    }

    /// Length of `scheme:`, nil when there is none: a colon before any `/` and `?`, behind a letter.
    private static func schemeLength(_ reference: Span<UInt8>) -> Int? {
        for index in reference.indices {
            let byte = reference[index]
            if byte == 0x3A { return index > 0 ? index + 1 : nil }
            if byte == 0x2F || byte == 0x3F { return nil }
        }
        return nil
    }

    private static func hasAuthority(_ reference: Span<UInt8>) -> Bool {
        reference.count >= 2 && reference[0] == 0x2F && reference[1] == 0x2F
    }

    private static func endOfAuthority(_ reference: Span<UInt8>) -> Int {
        var index = 2
        while index < reference.count, reference[index] != 0x2F, reference[index] != 0x3F { index += 1 }
        return index
    }

    /// The text without the dot segments of its path, which is `/` when it was empty; those that would climb above the
    /// root end there (§5.2.4).
    private static func removingDots(_ text: [UInt8]) -> [UInt8] {
        let pathEnd = text.firstIndex(of: 0x3F) ?? text.count
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var start = 0
        while start < pathEnd {
            // A segment with the slash before it.
            var end = start + 1
            while end < pathEnd, text[end] != 0x2F { end += 1 }
            let segment = text[(start + 1)..<end]
            let isLast = end == pathEnd
            if segment.elementsEqual([0x2E]) {
                if isLast { out.append(0x2F) }
            } else if segment.elementsEqual([0x2E, 0x2E]) {
                while let byte = out.popLast(), byte != 0x2F {}
                if isLast { out.append(0x2F) }
            } else {
                out.append(contentsOf: text[start..<end])
            }
            start = end
        }
        if out.isEmpty { out.append(0x2F) }
        out.append(contentsOf: text[pathEnd...])
        return out
    }
}
