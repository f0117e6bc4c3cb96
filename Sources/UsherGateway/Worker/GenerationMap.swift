/// Keeps the newest entries of a map in bounded memory and constant time: two generations, of which the older one is
/// dropped whole when the younger is full. What is used moves to the younger.
struct GenerationMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var value: Value
        var weight: Int
    }

    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]
    /// Of all that was put into `young`.
    private var weight = 0
    private let generation: Int
    private let weightMaximum: Int

    /// - Parameters:
    ///   - capacity: entries that are kept at most; at least half of them are the newest.
    ///   - weight: of all entries together, at most, but for one that is heavier alone.
    init(capacity: Int, weight: Int = .max) {
        self.generation = max(capacity / 2, 1)
        self.weightMaximum = weight / 2
    }

    mutating func value(of key: Key) -> Value? {
        if let entry = self.young[key] { return entry.value }
        guard let entry = self.old.removeValue(forKey: key) else { return nil }
        self.insert(entry.value, for: key, weight: entry.weight)
        return entry.value
    }

    mutating func insert(_ value: Value, for key: Key, weight: Int = 0) {
        if self.young.count >= self.generation || weight > self.weightMaximum - self.weight {
            self.old = self.young
            self.young = [:]
            self.weight = 0
        }
        self.young[key] = Entry(value: value, weight: weight)
        self.weight += min(weight, self.weightMaximum)
    }

    mutating func removeAll(where shouldGo: (Value) -> Bool) {
        self.young = self.young.filter { !shouldGo($0.value.value) }
        self.old = self.old.filter { !shouldGo($0.value.value) }
    }

    mutating func remove(_ key: Key) {
        self.young[key] = nil
        self.old[key] = nil
    }
}
