internal import UsherCore

/// What a session is recognised by, as 64 bits that are the same on every gateway.
///
/// The hash's key is public and fixed: gateways agree on a session's endpoint across restarts and machines without a
/// shared secret. The price: whoever may choose what a key is made of can find values that all lead to one endpoint,
/// so where strangers choose it (a header of theirs, say), bound the load with `at-most`.
public struct SessionKey: Sendable, Hashable {
    public let hash: UInt64

    public init(hash: UInt64) {
        self.hash = hash
    }

    /// Makes a key of several parts that cannot lend bytes to their neighbours: ("ab", "c") differs from ("a", "bc").
    ///
    /// Each part is preceded by its length; nothing is allocated.
    public struct Hasher: Sendable {
        private var state = SipHash(key: (0x7573_6865_7220_7365, 0x7373_696F_6E20_6B65))

        public init() {}

        public mutating func append(part: Span<UInt8>) {
            state.append(word: UInt64(truncatingIfNeeded: part.count))
            state.append(part)
        }

        public func finish() -> SessionKey {
            SessionKey(hash: state.finish())
        }
    }
}

/// An endpoint's name in 64 bits, the same on every gateway: what a cookie carries and rendezvous hashing mixes in.
///
/// Two endpoints of one service share a tag with a probability below n² / 2⁶⁵.
public struct EndpointTag: Sendable, Hashable, Comparable {
    public let hash: UInt64

    public init(hash: UInt64) {
        self.hash = hash
    }

    /// The name is the address as text, or SERVICE/NUMBER of a replica that Usher runs, whose port changes.
    public init(name: String) {
        var name = name
        var state = SipHash(key: (0x7573_6865_7220_656E, 0x6470_6F69_6E74_2020))
        name.withUTF8 { unsafe state.append($0.span) }
        hash = state.finish()
    }

    public static func < (left: EndpointTag, right: EndpointTag) -> Bool { left.hash < right.hash }
}
