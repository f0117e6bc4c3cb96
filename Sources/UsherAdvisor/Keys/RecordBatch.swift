internal import UsherCore

/// Requests as hashes and numbers, a column a field, so that each key goes over many of them at once.
struct RecordBatch: Sendable {
    /// What measures want to know of a request beside its fields. Small, as every key goes over all of them.
    struct Record: Sendable {
        var bytes = 0
        var microseconds: UInt32 = 0
        /// 0: not known.
        var minute: Int32 = 0
        /// A cache could have given the answer.
        var isObject = false
        /// The one of several replicas that is looked at gets it.
        var isForReplica = false
        /// One of those among which frequent keys are looked for.
        var isCounted = false
    }

    static let capacity = 4096
    /// Larger ones are no answer's, and sums of these stay far from overflowing. Unit: bytes.
    private static let bytesMax = 1 << 36

    let set: FieldSet
    private(set) var records: [Record] = []
    /// What the test of answers keeps of them; a fingerprint of 0 cannot be compared with others.
    private(set) var visits: [AnswerTest.Visit] = []
    /// The entries that the records were made of; empty unless values are to be shown.
    private(set) var entries: [LogEntry] = []
    /// Column after column.
    private(set) var hashes: [UInt64]
    private var row: [UInt64]

    init(_ set: FieldSet) {
        self.set = set
        hashes = Array(repeating: 0, count: set.fields.count * Self.capacity)
        row = Array(repeating: 0, count: set.fields.count)
        records.reserveCapacity(Self.capacity)
    }

    var count: Int { records.count }
    var isFull: Bool { records.count == Self.capacity }

    mutating func removeAll() {
        records.removeAll(keepingCapacity: true)
        visits.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
    }

    /// - Parameter record: what the caller decides by chance.
    mutating func append(
        _ entry: LogEntry, _ bytes: [UInt8], _ rule: AnswerRule, _ record: Record, keepsEntry: Bool
    ) {
        set.hash(entry, bytes, into: &row)
        var record = record
        record.bytes = min(entry.bytes ?? 0, Self.bytesMax)
        record.microseconds = UInt32(clamping: entry.microseconds ?? 0)
        record.minute = Int32(truncatingIfNeeded: entry.minute ?? 0)
        let isGet = bytes.equals("GET", entry.method)
        record.isObject = isGet && (entry.status == 200 || entry.status == 304)
        var visit = AnswerTest.Visit()
        if isGet, entry.status == 200 { visit[AnswerTest.fingerprintLane] = rule.fingerprint(entry, bytes) }
        for (lane, place) in set.explainers.enumerated() {
            visit[lane] = UInt16(truncatingIfNeeded: row[place] >> 32)
        }
        for place in row.indices {
            hashes[place * Self.capacity + records.count] = row[place]
            row[place] = FieldHash.none
        }
        records.append(record)
        visits.append(visit)
        if keepsEntry { entries.append(entry) }
    }

    /// Writes each record's hash of the fields at `columns`; `FieldHash.none` for one that has none of them.
    func keys(_ columns: [Int], into keys: inout [UInt64]) {
        for index in 0..<count { keys[index] = FieldHash.none }
        for column in columns {
            let start = column * Self.capacity
            for index in 0..<count { keys[index] = FieldHash.joined(keys[index], hashes[start + index]) }
        }
        // No field may be there.
        for index in 0..<count where columns.allSatisfy({ hashes[$0 * Self.capacity + index] == FieldHash.none }) {
            keys[index] = FieldHash.none
        }
    }
}

/// What makes two answers of a log the same.
struct AnswerRule: Sendable {
    enum Sign: Sendable {
        /// An entity tag or a hash.
        case tag
        case size
        /// Nothing that the log has: different URLs are taken for different answers.
        case url
    }

    var sign = Sign.size

    /// Heads have different lengths for reasons of their own (`Age`, `Set-Cookie`); most of that is rounded off.
    /// Unit: bytes.
    private static let headRounding = 32

    /// 0: cannot be compared.
    func fingerprint(_ entry: LogEntry, _ bytes: [UInt8]) -> UInt16 {
        let sign: UInt64
        switch self.sign {
        case .tag: sign = FieldHash.of(bytes, entry.tag)
        case .url: sign = FieldHash.joined(FieldHash.of(bytes, entry.path), FieldHash.of(bytes, entry.query))
        case .size:
            guard let size = entry.bytes else { return 0 }
            sign = FieldHash.joined(1, UInt64(size / (entry.countsHead ? Self.headRounding : 1)))
        }
        return sign == FieldHash.none ? 0 : UInt16(truncatingIfNeeded: sign >> 32) | 1
    }
}
