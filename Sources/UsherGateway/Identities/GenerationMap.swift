/// Keeps the newest entries of a map in bounded memory and constant time: two generations, of which the older one is
/// dropped whole when the younger is full. What is used moves to the younger.
struct GenerationMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private let generation: Int

    /// - Parameter capacity: entries that are kept at most; at least half of them are the newest.
    init(capacity: Int) {
        self.generation = max(capacity / 2, 1)
    }

    mutating func value(of key: Key) -> Value? {
        if let value = self.young[key] { return value }
        guard let value = self.old.removeValue(forKey: key) else { return nil }
        self.insert(value, for: key)
        return value
    }

    mutating func insert(_ value: Value, for key: Key) {
        if self.young.count >= self.generation {
            self.old = self.young
            self.young = [:]
        }
        self.young[key] = value
    }

    mutating func removeAll(where shouldGo: (Value) -> Bool) {
        self.young = self.young.filter { !shouldGo($0.value) }
        self.old = self.old.filter { !shouldGo($0.value) }
    }

    mutating func remove(_ key: Key) {
        self.young[key] = nil
        self.old[key] = nil
    }
}
