/// How uneven the worst minute was; a mean over a day hides it.
struct MinuteLoad: Sendable {
    /// A shard's share of fewer requests is a matter of chance. Unit: requests of a minute for each shard.
    private static let requestsMin = 400

    private var minute: Int32 = 0
    private var count = 0
    private var requests: [Int]
    /// Peak to mean; 0: no minute had enough requests.
    private(set) var worst = 0.0

    init(shards: Int) {
        requests = Array(repeating: 0, count: shards)
    }

    @inline(__always)
    mutating func add(_ key: UInt64, minute: Int32) {
        if minute != self.minute { finish(next: minute) }
        let shard = key.multipliedFullWidth(by: UInt64(requests.count)).high
        requests[Int(truncatingIfNeeded: shard)] += 1
        count += 1
    }

    /// Ends the minute; lines that came late make short ones, which do not count.
    mutating func finish(next: Int32) {
        minute = next
        if count >= Self.requestsMin * requests.count {
            worst = max(worst, Double(requests.max() ?? 0) * Double(requests.count) / Double(count))
        }
        guard count > 0 else { return }
        count = 0
        for index in requests.indices { requests[index] = 0 }
    }
}
