internal import UsherCore
internal import UsherSharding

/// The first lines of a log, from which the fields and keys to look at are chosen.
struct LogHead {
    /// What lines name: parameters and cookies, with how many of the lines have them.
    private struct Names {
        /// More are not counted: whoever makes up a name a request fills this and nothing else.
        private static let countMax = 1024
        private static let lengthMax = 64
        private(set) var counts: [[UInt8]: Int] = [:]

        mutating func add(_ name: ArraySlice<UInt8>) {
            guard name.count <= Self.lengthMax else { return }
            let name = Array(name)
            if counts[name] != nil || counts.count < Self.countMax { counts[name, default: 0] += 1 }
        }

        /// The most frequent ones, those of at least one in a hundred.
        func frequent(_ count: Int, of lines: Int) -> [String] {
            counts.filter { $0.value * 100 >= lines }
                // Dictionaries have no order, and the same log shall give the same advice.
                .sorted { $0.value == $1.value ? $0.key.lexicographicallyPrecedes($1.key) : $0.value > $1.value }
                .map { String(decoding: $0.key, as: UTF8.self) }
                // A name that cannot stand in a template is left out.
                .filter { !$0.utf8.contains { "{}|".utf8.contains($0) || $0 < 0x21 || $0 > 0x7E } }
                .prefix(count).map { $0 }
        }
    }

    private static let parametersMax = 5
    private static let cookiesMax = 2
    private static let headersMax = 2

    private let entries: [LogEntry]
    private let bytes: [UInt8]

    init(_ entries: [LogEntry], _ bytes: [UInt8]) {
        self.entries = entries
        self.bytes = bytes
    }

    // MARK: What there is

    /// The fields that lines have, the most useful ones first.
    func fields(_ countries: CountryTable?) -> [KeyField] {
        var fields: [KeyField] = [.method, .path] + (1...FieldSet.segmentsMax).map { .variable(.pathSegment($0)) }
        if hasSeveral(\.host) { fields.append(.host) }
        if share({ $0.client != nil }) > 0.01 {
            fields += [.address, .variable(.sourceAddress(prefix: 24))]
            if share({ $0.client.map { !$0.isV4 } ?? false }) > 0.01 {
                fields.append(.variable(.sourceAddress(prefix: 48)))
            }
            let known = share { entry in
                countries.map { table in entry.client.map { table.code(of: $0) != nil } ?? false }
                    ?? !entry.country.isEmpty
            }
            if known > 0.01 { fields.append(.country) }
        }
        if share({ !$0.identity.isEmpty }) > 0.01 { fields.append(.identity) }
        if share({ !$0.language.isEmpty }) > 0.01 { fields.append(.language) }
        if share({ !$0.userAgent.isEmpty }) > 0.01 { fields.append(.userAgent) }
        fields += headerNames.map { .variable(.header($0)) }
        fields += names(\.query, separator: UInt8(ascii: "&"), Self.parametersMax).map { .variable(.query($0)) }
        fields += names(\.cookies, separator: UInt8(ascii: ";"), Self.cookiesMax).filter(isToken)
            .map { .variable(.cookie($0)) }
        return fields
    }

    /// How answers can be told apart.
    var answerRule: AnswerRule {
        let gets = entries.filter { bytes.equals("GET", $0.method) && $0.status == 200 }
        guard !gets.isEmpty else { return AnswerRule(sign: .url) }
        // Of a few answers a size says more than a tag says of none.
        if gets.count(where: { !$0.tag.isEmpty }) * 10 >= gets.count * 9 { return AnswerRule(sign: .tag) }
        let rule = AnswerRule(sign: .size)
        var (pairs, alike) = (0, 0)
        for (one, other) in zip(gets, gets.dropFirst()) where !bytes[one.path].elementsEqual(bytes[other.path]) {
            pairs += 1
            if rule.fingerprint(one, bytes) == rule.fingerprint(other, bytes) { alike += 1 }
        }
        let isMissing = gets.count(where: { $0.bytes != nil }) * 2 < gets.count
        return isMissing || alike * 2 > pairs ? AnswerRule(sign: .url) : rule
    }

    func share(_ condition: (LogEntry) -> Bool) -> Double {
        entries.isEmpty ? 0 : Double(entries.count(where: condition)) / Double(entries.count)
    }

    private func hasSeveral(_ place: KeyPath<LogEntry, Range<Int>>) -> Bool {
        let first = entries.first { !$0[keyPath: place].isEmpty }.map { bytes[$0[keyPath: place]] }
        guard let first else { return false }
        return entries.contains { !$0[keyPath: place].isEmpty && !bytes[$0[keyPath: place]].elementsEqual(first) }
    }

    private var headerNames: [String] {
        var names = Names()
        for entry in entries {
            for index in 0..<entry.headerCount { names.add(bytes[entry.headers[index].name]) }
        }
        // One name may be written in several ways.
        let found = names.frequent(Self.headersMax * 2, of: entries.count).compactMap {
            LoggedHeader.name(Array($0.utf8)[...])
        }
        return Array(
            found.filter(isToken).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }.prefix(Self.headersMax))
    }

    private func names(_ place: KeyPath<LogEntry, Range<Int>>, separator: UInt8, _ count: Int) -> [String] {
        var names = Names()
        for entry in entries {
            FieldSet.eachPair(bytes, entry[keyPath: place], separator: separator) { name, _ in names.add(bytes[name]) }
        }
        return names.frequent(count, of: entries.count)
    }
}
