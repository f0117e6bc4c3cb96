import Glibc
import UsherCaching
import UsherCore

/// How often what a cache keeps is asked for: the cache's index (S3-FIFO) beside LRU, with the same requests.
enum HitRatio {
    private static let keys = 100_000
    private static let warming = 300_000
    private static let requests = 1_000_000

    /// A line of JSON for each mix and size.
    static func report() {
        for exponent in [0.9, 1.0] {
            let zipf = Zipf(count: self.keys, exponent: exponent)
            self.report("Zipf \(exponent)") { random, _, _ in zipf.next(&random) }
            self.report("Zipf \(exponent), half of the requests a scan") { random, number, _ in
                number % 2 == 0 ? zipf.next(&random) : nil
            }
        }
        let zipf = Zipf(count: self.keys, exponent: 1)
        self.report("Zipf 1.0, after each 100,000 a scan of 100,000") { random, number, _ in
            number / 100_000 % 2 == 0 ? zipf.next(&random) : nil
        }
        // The newest key is asked for most, and every fifty requests there is a newer one.
        self.report("Zipf 1.0, whose keys grow old") { random, number, _ in
            (zipf.next(&random) + self.keys - number / 50 % self.keys) % self.keys
        }
        self.report("a loop through 1.1 times what fits") { _, number, size in number % (size * 11 / 10) }
        // Newcomers leave the small queue before they are asked for again, and never are later.
        self.report("Zipf 1.0, half of the requests for keys that come twice, half a cache apart") {
            random, number, size in
            switch number % 4 {
            case 1: self.keys + number / 4
            case 3: self.keys + max(0, number / 4 - size / 8)
            default: zipf.next(&random)
            }
        }
    }

    /// - Parameter next: a key; nil for one that is asked for once and never again. Is given the request's number and
    ///   the cache's size.
    private static func report(_ mix: String, _ next: (inout SeededRandom, Int, Int) -> Int?) {
        for percent in [1, 5, 10] {
            let size = self.keys * percent / 100
            let total = self.warming + self.requests
            var random = SeededRandom(seed: 9)
            var (scanned, asked, found, foundByLRU) = (self.keys, 0, 0, 0)
            var index = BoundedIndex(size: size)
            var lru = LRU(size: size, keys: self.keys + total)
            for number in 0..<total {
                let again = next(&random, number, size)
                if again == nil { scanned += 1 }
                let (isHit, isHitByLRU) = (index.use(again ?? scanned - 1), lru.use(again ?? scanned - 1))
                // What comes once cannot be found, whatever a cache does.
                guard again != nil, number >= self.warming else { continue }
                asked += 1
                if isHit { found += 1 }
                if isHitByLRU { foundByLRU += 1 }
            }
            print(
                """
                {"requests": "\(mix)", "share": \(Double(percent) / 100), \
                "s3fifo": \(Double(found) / Double(asked)), "lru": \(Double(foundByLRU) / Double(asked))}
                """)
        }
    }
}

/// Numbers from 0 on, of which the n-th comes with a likelihood of about 1 / n to the power of an exponent.
private struct Zipf {
    /// The likelihood of a number or a smaller one.
    private var sums: [Double] = []

    init(count: Int, exponent: Double) {
        var sum = 0.0
        for number in 1...count {
            sum += 1 / pow(Double(number), exponent)
            sums.append(sum)
        }
        for place in sums.indices { sums[place] /= sum }
    }

    func next(_ random: inout SeededRandom) -> Int {
        let wanted = Double(random.next() >> 11) / 9_007_199_254_740_992
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > wanted { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// The index with so many entries, used as the cache's store uses it.
private struct BoundedIndex: ~Copyable {
    private var index = CacheIndex()
    private let size: Int
    private let entry = CacheEntry.variants(Variants(names: VaryNames(), keys: [], target: []))

    init(size: Int) {
        self.size = size
    }

    /// True: it was there. Else it is now.
    mutating func use(_ number: Int) -> Bool {
        let key = CachedAnswers.key(number)
        if index.find(key) != nil { return true }
        index.insert(entry, for: key, size: 1)
        while index.bytes > size { _ = index.evict(sparing: key) }
        return false
    }
}

/// What was used longest ago goes.
private struct LRU {
    private static let none: Int32 = -1
    private static let absent: Int32 = -2

    /// Neighbours by key; `absent` as the older one of a key that is not there.
    private var newer: [Int32]
    private var older: [Int32]
    private var newest = LRU.none
    private var oldest = LRU.none
    private var free: Int

    /// - Parameter keys: all are below.
    init(size: Int, keys: Int) {
        newer = Array(repeating: Self.none, count: keys)
        older = Array(repeating: Self.absent, count: keys)
        free = size
    }

    /// True: it was there. Else it is now.
    mutating func use(_ key: Int) -> Bool {
        let isHit = older[key] != Self.absent
        if isHit {
            remove(key)
        } else if free == 0 {
            remove(Int(oldest))
        }
        free -= 1
        newer[key] = Self.none
        older[key] = newest
        if newest >= 0 { newer[Int(newest)] = Int32(key) } else { oldest = Int32(key) }
        newest = Int32(key)
        return isHit
    }

    private mutating func remove(_ key: Int) {
        if newer[key] >= 0 { older[Int(newer[key])] = older[key] } else { newest = older[key] }
        if older[key] >= 0 { newer[Int(older[key])] = newer[key] } else { oldest = newer[key] }
        older[key] = Self.absent
        free += 1
    }
}
