internal import UsherCore

/// Which keys are looked at; of keys that are equally good the one that stands first here wins.
enum KeyCandidates {
    /// Each costs a megabyte and a part of the time.
    static let countMax = 32
    /// Those that are left for keys which the first lines suggest.
    private static let suggestedMax = 5

    static func make(_ fields: [KeyField]) -> [CandidateKey] {
        let addresses = fields.filter { if case .variable(.sourceAddress(.some)) = $0 { true } else { false } }
        let parameters = fields.filter { if case .variable(.query) = $0 { true } else { false } }
        let cookies = fields.filter { if case .variable(.cookie) = $0 { true } else { false } }
        let users = fields.filter { $0 == .identity } + cookies + fields.filter(isOwnHeader)
        let segments = fields.filter { if case .variable(.pathSegment) = $0 { true } else { false } }
        func there(_ field: KeyField) -> [KeyField] { fields.contains(field) ? [field] : [] }

        let withPath = there(.country) + addresses + there(.host) + parameters + there(.language) + users
        var lists: [[KeyField]] = [[.path]] + withPath.map { [$0, .path] }
        if parameters.count > 1 { lists.append([.path] + parameters) }
        lists += there(.address).map { [$0, .path] }
        lists += segments.indices.map { Array(segments[...$0]) } + segments.dropFirst().map { [$0] }
        lists += (parameters + users + there(.country) + addresses + there(.address) + there(.host)).map { [$0] }
        // The request as a whole.
        let whole = CandidateKey(fields)
        var keys: [CandidateKey] = []
        for key in lists.map(CandidateKey.init) where !keys.contains(key) && key != whole { keys.append(key) }
        return Array(keys.prefix(countMax - suggestedMax - 1)) + [whole]
    }

    /// A field that somebody logs for a reason of theirs.
    private static func isOwnHeader(_ field: KeyField) -> Bool {
        if case .variable(.header) = field { field != .language && field != .userAgent } else { false }
    }

    /// A candidate, and how the first lines tested it.
    typealias Tested = (key: CandidateKey, test: AnswerTest)

    /// Adds keys that answers of the first lines ask for: one that is too general, with the field that it lacks.
    static func tested(_ keys: [CandidateKey], by batches: [RecordBatch], _ set: FieldSet) -> [Tested] {
        var tested = keys.map { (key: $0, test: test(of: $0, batches, set)) }
        var fresh = tested[...]
        while !fresh.isEmpty, tested.count < countMax {
            var suggested: [CandidateKey] = []
            for (key, test) in fresh {
                let finding = AnswerFinding(test.counts, set)
                guard finding.isTooGeneral, let cause = finding.cause else { continue }
                let longer = CandidateKey(key.fields + [cause])
                if !suggested.contains(longer), !tested.contains(where: { $0.key == longer }) {
                    suggested.append(longer)
                }
            }
            let added = suggested.prefix(countMax - tested.count).map { (key: $0, test: test(of: $0, batches, set)) }
            // Before the request as a whole, which is the last resort.
            tested.insert(contentsOf: added, at: tested.count - 1)
            fresh = added[...]
        }
        return tested
    }

    private static func test(of key: CandidateKey, _ batches: [RecordBatch], _ set: FieldSet) -> AnswerTest {
        var test = AnswerTest()
        let columns = key.fields.compactMap { set.fields.firstIndex(of: $0) }
        var hashes = [UInt64](repeating: 0, count: RecordBatch.capacity)
        for batch in batches {
            batch.keys(columns, into: &hashes)
            test.add(batch, hashes)
        }
        return test
    }
}
