/// A target in the form in which `RequestHead` gives it out, for targets that come from elsewhere than a request line.
package enum CanonicalTarget {
    /// Path and query in their canonical form, with `?` when there is one in `target`; nil for what a request line may
    /// not have.
    ///
    /// - Parameter target: begins with `/`.
    package static func read(_ target: Span<UInt8>) -> [UInt8]? {
        guard !target.isEmpty, target[0] == 0x2F else { return nil }
        for index in target.indices {
            let byte = target[index]
            let isPunctuation = byte == 0x2F || byte == 0x2E || byte == 0x3F
            guard isPunctuation || Octets.plain.contains(byte) || Octets.encoding.contains(byte) else { return nil }
        }
        var parts = Target()
        var canonical: [UInt8] = []
        let fault = parts.read(
            target, from: 0, to: target.count, method: .get, isPlain: false, question: nil, into: &canonical)
        guard fault == nil else { return nil }
        if parts.isRewritten { return canonical }
        canonical.reserveCapacity(target.count)
        for index in target.indices { canonical.append(target[index]) }
        return canonical
    }

    /// Whether bytes are a host with or without a port, as `Host` has them.
    package static func isAuthority(_ bytes: Span<UInt8>) -> Bool {
        Authority.isValid(bytes)
    }
}
