public import UsherCore

/// How the key of a request is made: what says to which shard it belongs. Immutable; a class, so that asking it copies
/// nothing.
public final class KeyRule: Sendable {
    /// What is done to a part once its template is filled.
    public enum Step: Sendable, Hashable {
        /// `A` to `Z` become small letters; nothing else is one in every language.
        case lower
        /// Spaces and tabs at both ends go (RFC 9110 §5.6.3).
        case trim
        /// An address becomes its country's code, or `ZZ`, which ISO 3166-1 leaves to its users, when the table has
        /// none. What is no address stays as it is.
        case country
    }

    public struct Part: Sendable, Hashable {
        public var template: Template
        /// In the order in which they are done.
        public var steps: [Step]

        public init(template: Template, steps: [Step] = []) {
            self.template = template
            self.steps = steps
        }
    }

    public let parts: [Part]
    /// For `Step.country`; nil: no address has a country.
    public let countries: CountryTable?
    /// All that most keys are made of: one value of the request as it is.
    private let only: Template.Variable?

    public init(parts: [Part], countries: CountryTable? = nil) {
        self.parts = parts
        self.countries = countries
        if parts.count == 1, parts[0].steps.isEmpty, parts[0].template.parts.count == 1,
            case .variables(let alternatives) = parts[0].template.parts[0], alternatives.count == 1
        {
            only = alternatives[0]
        } else {
            only = nil
        }
    }

    /// Whether a request must show its body before it has a key.
    public var needsBody: Bool {
        parts.contains { part in
            part.template.parts.contains { place in
                guard case .variables(let alternatives) = place else { return false }
                return alternatives.contains { if case .body = $0 { true } else { false } }
            }
        }
    }

    /// Appends the key; allocates nothing but room in `key`.
    ///
    /// One part is its bytes. Of several each has its length before it, so that `ab`, `c` and `a`, `bc` are two keys:
    /// eight bytes, the highest first.
    ///
    /// - Returns: false, with nothing appended, when a part has no value or is empty after its steps. A template that
    ///   reads nothing of the request has one: its text.
    public func append(to key: inout [UInt8], from source: borrowing some TemplateSource) -> Bool {
        let start = key.count
        if let only { return source.append(only, to: &key) && key.count > start }
        for part in parts {
            guard append(part, to: &key, from: source) else {
                key.removeLast(key.count - start)
                return false
            }
        }
        return key.count > start
    }

    /// False when the part has no value; what was appended may then stay.
    private func append(_ part: Part, to key: inout [UInt8], from source: borrowing some TemplateSource) -> Bool {
        let lengthPlace = key.count
        if parts.count > 1 {
            for _ in 0..<Self.lengthBytes { key.append(0) }
        }
        let start = key.count
        let isPresent = part.template.render(into: &key, from: source)
        guard isPresent || part.template.constant != nil else { return false }
        for step in part.steps { apply(step, to: &key, from: start) }
        let length = UInt64(key.count - start)
        for index in lengthPlace..<start {
            key[index] = UInt8(truncatingIfNeeded: length >> (8 * (start - 1 - index)))
        }
        return length > 0
    }

    private static let lengthBytes = 8
    /// The code of an address that no table has.
    package static let unknownCountry: [UInt8] = Array("ZZ".utf8)

    /// Changes what `key` holds from `start` on.
    private func apply(_ step: Step, to key: inout [UInt8], from start: Int) {
        switch step {
        case .lower:
            for index in start..<key.count where (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(key[index]) {
                key[index] |= 0x20
            }
        case .trim:
            while key.count > start, let last = key.last, Self.isBlank(last) { key.removeLast() }
            let end = key[start...].firstIndex { !Self.isBlank($0) } ?? start
            key.removeSubrange(start..<end)
        case .country:
            guard let address = IPAddress(text: key.span.extracting(start...)) else { return }
            key.removeLast(key.count - start)
            key.append(contentsOf: countries?.code(of: address) ?? Self.unknownCountry)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// A key that this rule made as people see it: `DE + ada`. Long parts are cut; two keys may look the same.
    public func shown(_ key: Span<UInt8>) -> String {
        guard parts.count > 1 else { return UsherCore.shown(key) }
        var texts: [String] = []
        var rest = 0
        while key.count - rest >= Self.lengthBytes {
            var length: UInt64 = 0
            for index in rest..<rest + Self.lengthBytes { length = length << 8 | UInt64(key[index]) }
            rest += Self.lengthBytes
            // Another rule's key has lengths that lead behind its end.
            let end = rest + min(Int(clamping: length), key.count - rest)
            texts.append(UsherCore.shown(key.extracting(rest..<end)))
            rest = end
        }
        return texts.joined(separator: " + ")
    }
}
