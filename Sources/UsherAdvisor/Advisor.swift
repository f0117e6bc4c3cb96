package import UsherCore
package import UsherSharding

/// Reads an access log, whatever its length, and says which key its service should be sharded by.
///
/// Looking: the first lines are kept, and tell which fields there are, how answers differ, and which keys to measure.
/// Measuring: every line, the first ones included, goes to the measures of all candidates, and is forgotten.
///
/// Confinement: owned by one task. Never reads a clock; what is left to chance comes from a fixed seed.
package struct Advisor: ~Copyable {
    package struct Options: Sendable {
        /// How many shards there are or will be. Range: 1...512.
        package var shards = 10
        /// What a shard may use as a cache.
        package var memory = ByteCount.gibibytes(1)
        package var countries: CountryTable?
        /// What `usher.yaml` says of the table; nil: there is none.
        package var countriesFile: String?
        /// Whether the advice may name keys, which may be personal data.
        package var showsValues = false

        package init() {}
    }

    package static let shardsRange = 1...512

    /// Lines that are kept and looked at before measuring begins, and their bytes.
    private static let headLines = 32_768
    private static let headBytes = 16 << 20
    /// Of longer logs one line in so many is looked at for frequent keys.
    private static let countedPart = 8

    private let options: Options
    private var reader = LogLineReader()
    private var buffer = LineBuffer()
    private var random = SeededRandom(seed: 0x7573_6865_72)
    private var head: [LogEntry] = []
    private var isLooking = true
    private var rule = AnswerRule()
    private var batch: RecordBatch?
    private var measures: [KeyMeasure] = []
    private var notes = EvidenceNotes()

    /// Lines so far, empty ones aside.
    package private(set) var lines = 0
    /// Those that tell of no request.
    package private(set) var skipped = 0

    package init(_ options: Options) {
        self.options = options
    }

    /// Takes the next bytes of the log.
    package mutating func append(_ chunk: some Collection<UInt8>) {
        buffer.append(chunk)
        read(isEnd: false)
    }

    /// The log's end, or the end of one of several files.
    package mutating func endFile() {
        read(isEnd: true)
    }

    /// What the log says; without candidates when no line tells of a request.
    package mutating func finish() -> Advice {
        endFile()
        let ranking = Ranking(options, lines: lines, skipped: skipped)
        guard lines > skipped else { return ranking.nothing }
        if isLooking { beginMeasuring(isWhole: true) }
        flush()
        for index in measures.indices { measures[index].finish() }
        return batch.map { ranking.advice(measures, $0.set, notes) } ?? ranking.nothing
    }

    // MARK: Lines

    private mutating func read(isEnd: Bool) {
        while let line = buffer.next(isEnd: isEnd) {
            lines += 1
            guard case .line(let place) = line, let entry = reader.read(&buffer.bytes, place) else {
                skipped += 1
                continue
            }
            if isLooking { head.append(entry) } else { measure(entry, isCounted: isChosen(Self.countedPart)) }
        }
        if head.isEmpty, isLooking {
            // Nothing to look at yet, however much of it there is.
            buffer.dropLines()
        } else if isLooking {
            if head.count >= Self.headLines || buffer.bytes.count >= Self.headBytes { beginMeasuring(isWhole: false) }
        } else {
            // Measures may still want to see the bytes.
            flush()
            buffer.dropLines()
        }
    }

    /// - Parameter isWhole: nothing comes behind the lines that were looked at.
    private mutating func beginMeasuring(isWhole: Bool) {
        isLooking = false
        let look = LogHead(head, buffer.bytes)
        let set = FieldSet(look.fields(options.countries), countries: options.countries)
        rule = look.answerRule
        notes = EvidenceNotes(look, set, rule, options)
        var batches: [RecordBatch] = []
        for start in stride(from: 0, to: head.count, by: RecordBatch.capacity) {
            var batch = RecordBatch(set)
            for entry in head[start..<min(start + RecordBatch.capacity, head.count)] {
                add(entry, to: &batch, isCounted: isWhole || isChosen(Self.countedPart))
            }
            batches.append(batch)
        }
        let tested = KeyCandidates.tested(KeyCandidates.make(set.fields), by: batches, set)
        let measuring = KeyMeasure.Options(shards: options.shards, showsValues: options.showsValues)
        measures = tested.map { KeyMeasure($0.key, $0.test, set, measuring) }
        for batch in batches { measure(batch, isTested: true) }
        head = []
        batch = RecordBatch(set)
        buffer.dropLines()
    }

    // MARK: Measuring

    private mutating func measure(_ entry: LogEntry, isCounted: Bool) {
        guard var batch = batch.take() else { return }
        add(entry, to: &batch, isCounted: isCounted)
        let isFull = batch.isFull
        self.batch = batch
        if isFull { flush() }
    }

    private mutating func add(_ entry: LogEntry, to batch: inout RecordBatch, isCounted: Bool) {
        var record = RecordBatch.Record()
        record.isForReplica = isChosen(options.shards)
        record.isCounted = isCounted
        batch.append(entry, buffer.bytes, rule, record, keepsEntry: options.showsValues)
    }

    private mutating func flush() {
        guard var batch = batch.take() else { return }
        measure(batch, isTested: false)
        batch.removeAll()
        self.batch = batch
    }

    /// Key after key over the whole batch, so that what a key's measures need stays near.
    private mutating func measure(_ batch: borrowing RecordBatch, isTested: Bool) {
        for index in measures.indices { measures[index].add(batch, buffer.bytes, isTested: isTested) }
    }

    /// One in so many.
    private mutating func isChosen(_ part: Int) -> Bool {
        random.below(part) == 0
    }
}
