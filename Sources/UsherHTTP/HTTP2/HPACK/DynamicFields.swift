/// The fields that a peer has put into the table it shares with us (RFC 7541 §2.3.2), newest first.
///
/// It takes no memory until the first one is put in.
struct DynamicFields {
    private struct Entry {
        var start: Int
        var nameCount: Int
        var valueCount: Int

        /// What it weighs in the table (§4.1).
        var weight: Int { nameCount + valueCount + 32 }
    }

    /// All entries' bytes in the order in which they came; those of evicted ones stand in front until there are many.
    private(set) var bytes: [UInt8] = []
    private var entries: [Entry] = []
    /// How many entries at the front are evicted.
    private var evicted = 0
    private var weight = 0
    /// What the peer has chosen, at most `largest`.
    private(set) var capacity: Int
    /// What the peer may choose.
    let largest: Int

    init(largest: Int) {
        self.largest = largest
        capacity = largest
    }

    var count: Int { entries.count - evicted }

    /// The peer uses no more than this from now on.
    mutating func resize(to capacity: Int) {
        self.capacity = capacity
        evict(until: capacity)
    }

    /// Where an entry's name and value stand in `bytes`; nil when there is none. The newest has index 0.
    func places(at index: Int) -> (name: Range<Int>, value: Range<Int>)? {
        guard index >= 0, index < count else { return nil }
        let entry = entries[entries.count - 1 - index]
        let middle = entry.start + entry.nameCount
        return (entry.start..<middle, middle..<(middle + entry.valueCount))
    }

    /// An entry that is heavier than the whole table empties it (§4.4).
    mutating func add(name: Span<UInt8>, value: Span<UInt8>) {
        let entry = Entry(start: 0, nameCount: name.count, valueCount: value.count)
        guard entry.weight <= capacity else {
            evict(until: 0)
            return
        }
        evict(until: capacity - entry.weight)
        let start = bytes.count
        unsafe name.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        unsafe value.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        entries.append(Entry(start: start, nameCount: name.count, valueCount: value.count))
        weight += entry.weight
    }

    private mutating func evict(until limit: Int) {
        while weight > limit, evicted < entries.count {
            weight -= entries[evicted].weight
            evicted += 1
        }
        if evicted == entries.count {
            bytes.removeAll(keepingCapacity: true)
            entries.removeAll(keepingCapacity: true)
            evicted = 0
        } else if evicted >= 64 || entries[evicted].start > largest {
            compact()
        }
    }

    /// Moves what is left to the front; at most once in as many bytes as the table holds.
    private mutating func compact() {
        let offset = entries[evicted].start
        bytes.removeFirst(offset)
        entries.removeFirst(evicted)
        evicted = 0
        for index in entries.indices { entries[index].start -= offset }
    }
}
