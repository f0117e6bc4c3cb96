/// Keys in one piece of memory, so that looking at one of them counts no references.
struct PackedKeys: Sendable {
    private var bytes: [UInt8] = []
    /// Where the keys begin, and where the last one ends.
    private var bounds = [0]

    init(_ keys: [[UInt8]]) {
        bytes.reserveCapacity(keys.reduce(0) { $0 + $1.count })
        bounds.reserveCapacity(keys.count + 1)
        for key in keys {
            bytes += key
            bounds.append(bytes.count)
        }
    }

    var count: Int { bounds.count - 1 }

    func isEqual(_ index: Int, to key: Span<UInt8>) -> Bool {
        let mine = bytes.span.extracting(bounds[index]..<bounds[index + 1])
        guard mine.count == key.count else { return false }
        for offset in mine.indices where mine[offset] != key[offset] { return false }
        return true
    }

    /// Whether a key stands before another one: byte by byte, unsigned, a shorter one before what it begins.
    func precedes(_ key: Span<UInt8>, _ index: Int) -> Bool {
        let mine = bytes.span.extracting(bounds[index]..<bounds[index + 1])
        for offset in 0..<min(key.count, mine.count) where key[offset] != mine[offset] {
            return key[offset] < mine[offset]
        }
        return key.count < mine.count
    }
}
