internal import UsherCore
internal import UsherSharding

/// The fields that keys of one log are made of, and how a request's values of them are hashed.
struct FieldSet: Sendable {
    let fields: [KeyField]
    /// Fields that may tell why answers differ, by their places in `fields`.
    let explainers: [Int]
    let countries: CountryTable?

    /// The deepest segment of a path that is looked at by itself.
    static let segmentsMax = 3

    private let parameters: [(place: Int, name: [UInt8])]
    private let cookies: [(place: Int, name: [UInt8])]
    private let headers: [(place: Int, name: [UInt8])]

    init(_ fields: [KeyField], countries: CountryTable?) {
        self.fields = fields
        self.countries = countries
        parameters = fields.enumerated().compactMap { place, field in
            if case .variable(.query(let name)) = field { (place, Array(name.utf8)) } else { nil }
        }
        cookies = fields.enumerated().compactMap { place, field in
            if case .variable(.cookie(let name)) = field { (place, Array(name.utf8)) } else { nil }
        }
        headers = fields.enumerated().compactMap { place, field in
            if case .variable(.header(let name)) = field { (place, Array(name.utf8)) } else { nil }
        }
        // A part of the path explains nothing that the path does not, and only one method is compared.
        explainers = Array(
            fields.indices.filter { place in
                if case .variable(.pathSegment) = fields[place] { return false }
                return fields[place] != .method
            }
            .prefix(AnswerTest.fingerprintLane))
    }

    /// Writes the hash of each field's value.
    func hash(_ entry: LogEntry, _ bytes: [UInt8], into hashes: inout [UInt64]) {
        for (place, field) in fields.enumerated() {
            switch field {
            case .country: hashes[place] = country(entry, bytes)
            case .variable(let variable): hashes[place] = hash(variable, entry, bytes)
            }
        }
        for index in 0..<entry.headerCount {
            let header = entry.headers[index]
            for (place, name) in headers where LoggedHeader.isEqual(bytes, header.name, name) {
                hashes[place] = FieldHash.of(bytes, header.value)
            }
        }
        Self.eachPair(bytes, entry.query, separator: UInt8(ascii: "&")) { name, value in
            set(parameters, name, value, bytes, &hashes)
        }
        Self.eachPair(bytes, entry.cookies, separator: UInt8(ascii: ";")) { name, value in
            set(cookies, name, value, bytes, &hashes)
        }
    }

    /// By the table, else by what the log says; as in a key, an address that nobody knows has a country, too.
    private func country(_ entry: LogEntry, _ bytes: [UInt8]) -> UInt64 {
        guard let countries else {
            let isUnknown = entry.country.isEmpty && entry.client != nil
            return isUnknown ? Self.unknownCountry : FieldHash.of(bytes, entry.country)
        }
        guard let client = entry.client else { return FieldHash.none }
        return countries.code(of: client).map { FieldHash.of($0, $0.indices) } ?? Self.unknownCountry
    }

    private static let unknownCountry = FieldHash.of(KeyRule.unknownCountry, KeyRule.unknownCountry.indices)

    private func set(
        _ wanted: [(place: Int, name: [UInt8])], _ name: Range<Int>, _ value: Range<Int>, _ bytes: [UInt8],
        _ hashes: inout [UInt64]
    ) {
        for (place, text) in wanted where text.count == name.count && hashes[place] == FieldHash.none {
            if bytes[name].elementsEqual(text) { hashes[place] = FieldHash.of(bytes, value) }
        }
    }

    @inline(__always)
    private func hash(_ variable: Template.Variable, _ entry: LogEntry, _ bytes: [UInt8]) -> UInt64 {
        switch variable {
        case .method: FieldHash.of(bytes, entry.method)
        case .host: FieldHash.of(bytes, entry.host)
        case .path: FieldHash.of(bytes, entry.path)
        case .pathSegment(let number): FieldHash.of(bytes, Self.segment(number, bytes, entry.path))
        case .identity: FieldHash.of(bytes, entry.identity)
        case .header("accept-language"): FieldHash.of(bytes, entry.language)
        case .header("user-agent"): FieldHash.of(bytes, entry.userAgent)
        case .sourceAddress(let prefix):
            entry.client.map { FieldHash.of(prefix.map($0.masked) ?? $0) } ?? FieldHash.none
        default: FieldHash.none
        }
    }

    /// The text of a field, for those who asked to see values.
    func text(_ field: KeyField, _ entry: LogEntry, _ bytes: [UInt8]) -> String {
        func text(_ place: Range<Int>) -> String { String(decoding: bytes[place], as: UTF8.self) }
        func found(_ name: String, _ place: Range<Int>, _ separator: UInt8) -> String {
            var result = ""
            Self.eachPair(bytes, place, separator: separator) { found, value in
                if result.isEmpty, text(found) == name { result = text(value) }
            }
            return result
        }
        switch field {
        case .country: return entry.client.map { "the country of \($0)" } ?? ""
        case .variable(.method): return text(entry.method)
        case .variable(.host): return text(entry.host)
        case .variable(.path): return text(entry.path)
        case .variable(.pathSegment(let number)): return text(Self.segment(number, bytes, entry.path))
        case .variable(.identity): return text(entry.identity)
        case .variable(.header("accept-language")): return text(entry.language)
        case .variable(.header("user-agent")): return text(entry.userAgent)
        case .variable(.header(let name)):
            let index = (0..<entry.headerCount).first { index in
                LoggedHeader.isEqual(bytes, entry.headers[index].name, Array(name.utf8))
            }
            return index.map { text(entry.headers[$0].value) } ?? ""
        case .variable(.query(let name)): return found(name, entry.query, UInt8(ascii: "&"))
        case .variable(.cookie(let name)): return found(name, entry.cookies, UInt8(ascii: ";"))
        case .variable(.sourceAddress(let prefix)):
            return entry.client.map { "\(prefix.map($0.masked) ?? $0)" } ?? ""
        default: return ""
        }
    }

    // MARK: Taking texts apart

    static func segment(_ number: Int, _ bytes: [UInt8], _ path: Range<Int>) -> Range<Int> {
        var start = path.lowerBound
        for _ in 0..<number {
            guard let slash = bytes.find(UInt8(ascii: "/"), in: start..<path.upperBound) else { return 0..<0 }
            start = slash + 1
        }
        return start..<(bytes.find(UInt8(ascii: "/"), in: start..<path.upperBound) ?? path.upperBound)
    }

    /// Names and values of `a=1&b=2` and of `a=1; b=2`; at most 64 of them.
    static func eachPair(
        _ bytes: [UInt8], _ place: Range<Int>, separator: UInt8, _ body: (Range<Int>, Range<Int>) -> Void
    ) {
        var start = place.lowerBound
        var count = 0
        while start < place.upperBound, count < 64 {
            let end = bytes.find(separator, in: start..<place.upperBound) ?? place.upperBound
            while start < end, bytes[start] == 0x20 { start += 1 }
            let sign = bytes.find(UInt8(ascii: "="), in: start..<end) ?? end
            if sign > start { body(start..<sign, min(sign + 1, end)..<end) }
            start = end + 1
            count += 1
        }
    }
}
