public import UsherCore

/// One cache: answers of services that routes keep in memory.
public struct CacheSettings: Sendable, Hashable {
    public var name: String
    /// Of all answers together, with what keeping them takes. Default: 256 MiB.
    public var memory = ByteCount.mebibytes(256)
    /// Longer answers pass and are not kept. Default: 16 MiB.
    public var objectLimit = ByteCount.mebibytes(16)
    /// What tells answers apart, together. Nil: scheme, host, path and query.
    public var key: [Template]?
    /// Query parameters that tell no answers apart; a `*` at the end stands for any rest. Default: none.
    public var dropQuery: [String] = []
    /// Parameters in another order are the same request. Default: false.
    public var sortQuery = false
    /// An answer is kept only when its `Content-Type` is what the path's extension says. Default: false.
    public var checkExtension = false
    /// Whose `PURGE` requests are obeyed. Default: nobody's.
    public var purgeFrom: [IPRange] = []

    public init(name: String) {
        self.name = name
    }
}
