internal import UsherCore

/// What one loop counts of one shard's keys: the ones that are asked for most, by Space-Saving.
///
/// It counts in two generations, so that what was long ago is forgotten: whoever owns it rotates it at fixed times, and
/// what it says is of the time since the rotation before the last one.
///
/// Counting takes constant time and allocates nothing once the counters are there, which take about 350 bytes each. A
/// key's text is copied when it is counted a second time, so a flood of keys that come once costs no copies.
public struct KeyTally: Sendable {
    /// Whatever is more than 1/64 of a shard's requests is counted.
    public static let capacityDefault = 64

    private var current: Generation
    private var previous: Generation

    private struct Generation: Sendable {
        var counts: SpaceSaving
        /// By slot of `counts`.
        var texts: [KeyText] = []

        func text(of key: ShardKey) -> KeyText? {
            guard let slot = counts.slot(of: KeyedHash(high: 0, low: key.hash)), slot < texts.count,
                texts[slot].isKnown
            else { return nil }
            return texts[slot]
        }
    }

    /// - Parameter capacity: keys that are counted at once. Range: 1...1,000,000, values outside are clamped. A count
    ///   is uncertain by up to 1 / `capacity` of all requests, so 64 are enough to find keys with a share of 5 % and
    ///   more.
    public init(capacity: Int = capacityDefault) {
        current = Generation(counts: SpaceSaving(capacity: capacity))
        previous = current
    }

    /// Requests of both generations.
    public var total: UInt64 { current.counts.total &+ previous.counts.total }

    /// Counts one request.
    ///
    /// - Parameter text: the key, for people to read.
    public mutating func count(_ key: ShardKey, text: Span<UInt8>) {
        // Who finds two keys with one hash has them counted as one, and no more.
        let place = current.counts.add(KeyedHash(high: 0, low: key.hash))
        if place.slot == current.texts.count {
            current.texts.append(KeyText())
        } else if place.isNew {
            current.texts[place.slot].isKnown = false
        } else if !current.texts[place.slot].isKnown {
            current.texts[place.slot].keep(text)
        }
    }

    /// Forgets the older generation and begins a new one.
    public mutating func rotate() {
        swap(&current, &previous)
        current.counts.removeAll()
        current.texts.removeAll(keepingCapacity: true)
    }

    /// The keys that were counted most, the most first; none that was seen only once in a generation.
    ///
    /// - Parameter count: at most so many.
    public func top(_ count: Int) -> [KeyCount] {
        // Texts are made for the few that are told of.
        KeyCount.top(count, of: counted).map { counted in
            var counted = counted
            let text = [current, previous].lazy.compactMap { $0.text(of: counted.key) }.first
            counted.text = text?.bytes ?? []
            counted.isCut = text?.isCut ?? false
            return counted
        }
    }

    /// Of both generations, in no order and without their texts.
    private var counted: [KeyCount] {
        [current, previous].flatMap { generation in
            zip(generation.counts.counters, generation.texts).filter { $1.isKnown }.map { counter, text in
                KeyCount(
                    key: ShardKey(hash: counter.key.low), text: [], isCut: false, count: counter.count,
                    error: counter.error)
            }
        }
    }
}

/// As much of a key as is kept for people to read.
private struct KeyText: Sendable {
    private var kept = InlineArray<64, UInt8>(repeating: 0)
    private var count = 0
    private(set) var isCut = false
    var isKnown = false

    mutating func keep(_ text: Span<UInt8>) {
        count = min(text.count, kept.count)
        for index in 0..<count { kept[index] = text[index] }
        isCut = text.count > count
        isKnown = true
    }

    var bytes: [UInt8] { (0..<count).map { kept[$0] } }
}
