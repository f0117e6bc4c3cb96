/// A token's claims as text, for `{claim.NAME}`: one name and one value each.
///
/// A number is written without zeros behind its point, a truth value as `true` or `false`. An object's members get
/// its name and a dot before theirs (`realm.plan`). The single values of an array are joined by commas. Left out, so
/// that one text never stands for two things: null, empty arrays, arrays that hold arrays or objects, elements with a
/// comma among others, and a name that comes about twice. Left out as well: what exceeds the bounds.
struct TokenClaims {
    static let mostClaims = 64
    /// Unit: bytes, of a value.
    static let longestValue = 1024
    /// Unit: bytes, of a name with its dots.
    static let longestName = 256

    private var values: [String: String] = [:]
    private var repeated: Set<String> = []

    static func flattened(_ payload: JSONValue) -> [String: String] {
        var claims = TokenClaims()
        claims.add(payload, prefix: "")
        return claims.values
    }

    /// Recursion ends where the reader's nesting does.
    private mutating func add(_ value: JSONValue, prefix: String) {
        guard case .object(let members) = value else { return }
        for member in members {
            let name = prefix + member.name
            guard name.utf8.count <= Self.longestName else { continue }
            if case .object = member.value {
                self.add(member.value, prefix: name + ".")
            } else if let text = Self.text(of: member.value), text.utf8.count <= Self.longestValue {
                self.add(text, name: name)
            }
        }
    }

    private mutating func add(_ text: String, name: String) {
        guard !self.repeated.contains(name) else { return }
        if self.values[name] != nil {
            self.repeated.insert(name)
            self.values[name] = nil
        } else if self.values.count < Self.mostClaims {
            self.values[name] = text
        }
    }

    private static func text(of value: JSONValue) -> String? {
        guard case .array(let elements) = value else { return self.scalar(value) }
        let texts = elements.compactMap { self.scalar($0) }
        guard !texts.isEmpty, texts.count == elements.count else { return nil }
        guard texts.count == 1 || !texts.contains(where: { $0.utf8.contains(UInt8(ascii: ",")) }) else { return nil }
        return texts.joined(separator: ",")
    }

    private static func scalar(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .number(let text): self.number(text)
        case .null, .array, .object: nil
        }
    }

    /// Whole numbers of any length stay as they are; `1.0` and `1e2` become `1` and `100`.
    private static func number(_ text: String) -> String? {
        let isWhole = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == 0x2D }
        if isWhole { return text == "-0" ? "0" : text }
        guard let number = Double(text), number.isFinite else { return nil }
        return Int64(exactly: number).map { "\($0)" } ?? "\(number)"
    }
}
