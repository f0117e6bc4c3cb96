internal import UsherCore

/// Everything that is measured of one candidate, in memory that does not grow with the log.
struct KeyMeasure: Sendable {
    struct Options: Sendable {
        var shards: Int
        var showsValues: Bool
    }

    /// Keys followed for the miss-ratio curves, of all requests and of a replica's; one below what an index holds.
    private static let followedMax = 4095
    private static let replicaFollowedMax = 2047
    /// The same of a key that is too general by the first lines: nobody asks for its hits.
    private static let roughFollowedMax = 511
    /// Keys among which the most frequent ones are.
    private static let frequentMax = 256

    let key: CandidateKey
    private(set) var load: LoadMap
    private(set) var minutes: MinuteLoad
    private(set) var answers: AnswerTest
    /// One cache that gets every request.
    private(set) var cache: StackDistances
    /// One of several caches, among which requests are spread by chance.
    private(set) var replica: StackDistances
    private(set) var frequent = SpaceSaving(capacity: frequentMax)
    /// By the slots of `frequent`; empty unless values may be shown.
    private var texts: [String] = []
    /// Requests that have none of the key's fields.
    private(set) var missing = 0

    private let options: Options
    private let columns: [Int]
    private var hashes = [UInt64](repeating: 0, count: RecordBatch.capacity)

    /// - Parameter answers: what was tested of the first lines.
    init(_ key: CandidateKey, _ answers: AnswerTest, _ set: FieldSet, _ options: Options) {
        self.key = key
        self.answers = answers
        self.options = options
        columns = key.fields.compactMap { set.fields.firstIndex(of: $0) }
        let isRough = AnswerFinding(answers.counts, set).isTooGeneral
        cache = StackDistances(keysMax: isRough ? Self.roughFollowedMax : Self.followedMax)
        replica = StackDistances(keysMax: isRough ? Self.roughFollowedMax : Self.replicaFollowedMax)
        load = LoadMap(shards: options.shards)
        minutes = MinuteLoad(shards: options.shards)
    }

    /// - Parameters:
    ///   - bytes: where the lines of the batch lie.
    ///   - isTested: its answers are in the test already.
    mutating func add(_ batch: borrowing RecordBatch, _ bytes: [UInt8], isTested: Bool) {
        batch.keys(columns, into: &hashes)
        // One measure after the other, as the tables of all together are larger than the fastest caches.
        for row in 0..<batch.count {
            let record = batch.records[row]
            if hashes[row] == FieldHash.none { missing += 1 }
            load.add(hashes[row], .init(requests: 1, bytes: record.bytes, microseconds: Int(record.microseconds)))
            if record.minute != 0 { minutes.add(hashes[row], minute: record.minute) }
        }
        for row in 0..<batch.count where batch.records[row].isObject {
            cache.add(hashes[row], bytes: batch.records[row].bytes)
        }
        for row in 0..<batch.count where batch.records[row].isForReplica && batch.records[row].isObject {
            replica.add(hashes[row], bytes: batch.records[row].bytes)
        }
        for row in 0..<batch.count where batch.records[row].isCounted { count(hashes[row], batch, row, bytes) }
        if !isTested { answers.add(batch, hashes) }
    }

    mutating func finish() {
        minutes.finish(next: 0)
    }

    /// The most frequent keys with their shares of the requests, and their values where those may be shown.
    func mostFrequent(_ count: Int) -> [(share: Double, value: String?)] {
        guard frequent.total > 0 else { return [] }
        return frequent.counters.enumerated()
            .map { slot, counter in
                // What it counted for others before is not the key's.
                (
                    share: Double(counter.count - counter.error) / Double(frequent.total),
                    value: options.showsValues ? texts[slot] : nil
                )
            }
            .sorted { $0.share > $1.share }
            .prefix(count).map { $0 }
    }

    private mutating func count(_ hash: UInt64, _ batch: borrowing RecordBatch, _ row: Int, _ bytes: [UInt8]) {
        let place = frequent.add(KeyedHash(high: 0, low: hash))
        guard options.showsValues, place.isNew else { return }
        let text = key.fields.map { batch.set.text($0, batch.entries[row], bytes) }.joined(separator: " + ")
        if place.slot < texts.count { texts[place.slot] = text } else { texts.append(text) }
    }
}
