public import UsherCore

/// What a cache has under one key.
public enum CacheEntry: Sendable {
    case answer(StoredAnswer)
    /// Answers differ by fields of the request: each is under a key of its own.
    case variants(Variants)
}

/// The answers of one target that differ by fields of the request (RFC 9111 §4.1).
public final class Variants: Sendable {
    /// More are not kept at once: whoever makes up values pushes out their own.
    public static let countMaximum = 128

    /// What the newest answer's `Vary` names.
    public let names: VaryNames
    /// Keys of the answers, the oldest first.
    public let keys: [KeyedHash]
    /// The target that they answer: `http://host/path?query`.
    public let target: [UInt8]

    public init(names: VaryNames, keys: [KeyedHash], target: [UInt8]) {
        self.names = names
        self.keys = keys
        self.target = target
    }

    /// With one more answer, and the keys of those that have to go.
    public func adding(_ key: KeyedHash, names: VaryNames) -> (variants: Variants, gone: [KeyedHash]) {
        // Another `Vary` makes other keys, under which nobody would find the old answers.
        guard names == self.names else { return (Variants(names: names, keys: [key], target: target), keys) }
        if keys.contains(key) { return (self, []) }
        let gone = Array(keys.prefix(max(0, keys.count + 1 - Self.countMaximum)))
        return (Variants(names: names, keys: Array(keys.dropFirst(gone.count)) + [key], target: target), gone)
    }

    /// About what it takes. Unit: bytes.
    public var size: Int { 128 + keys.count * 16 + target.count }
}
