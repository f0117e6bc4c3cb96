/// Reads JSON text (RFC 8259) so strictly that nobody can read it another way.
///
/// Refused beside what is no JSON: a name twice in one object (two readers may take different ones, RFC 7515 §4), text
/// that is not UTF-8, escaped halves of a character, and deep nesting, which would eat the stack.
struct JSONReader {
    /// What is wrong, and at which byte of the text, from 0.
    struct Problem: Error, Sendable, CustomStringConvertible {
        let reason: StaticString
        let offset: Int

        var description: String { "\(self.reason) (at byte \(self.offset))" }
    }

    /// Arrays and objects in each other; tokens have about five, key sets three.
    static let deepest = 32

    private let bytes: [UInt8]
    private var index = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The text is one value, white space around it aside.
    static func read(_ bytes: [UInt8]) throws(Problem) -> JSONValue {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw Problem(reason: "it is not UTF-8", offset: 0)
        }
        var reader = JSONReader(bytes)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.index == bytes.count else { throw reader.problem("there is more behind its end") }
        return value
    }

    private mutating func value(depth: Int) throws(Problem) -> JSONValue {
        self.skipSpace()
        switch self.next {
        case UInt8(ascii: "{"): return try self.object(depth: depth)
        case UInt8(ascii: "["): return try self.array(depth: depth)
        case UInt8(ascii: "\""): return .string(try self.string())
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte): return try self.number()
        default:
            if self.skip("true") { return .bool(true) }
            if self.skip("false") { return .bool(false) }
            if self.skip("null") { return .null }
            throw self.problem("there is no value")
        }
    }

    private mutating func object(depth: Int) throws(Problem) -> JSONValue {
        try self.enter(depth)
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        if self.closes("}") { return .object([]) }
        repeat {
            self.skipSpace()
            guard self.next == UInt8(ascii: "\"") else { throw self.problem("a name is missing") }
            let name = try self.string()
            guard names.insert(name).inserted else { throw self.problem("a name stands twice in one object") }
            self.skipSpace()
            guard self.skip(":") else { throw self.problem("a colon is missing") }
            members.append(JSONValue.Member(name: name, value: try self.value(depth: depth + 1)))
        } while self.continues()
        guard self.closes("}") else { throw self.problem("an object does not end") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(Problem) -> JSONValue {
        try self.enter(depth)
        var elements: [JSONValue] = []
        if self.closes("]") { return .array([]) }
        repeat { elements.append(try self.value(depth: depth + 1)) } while self.continues()
        guard self.closes("]") else { throw self.problem("an array does not end") }
        return .array(elements)
    }

    private mutating func enter(_ depth: Int) throws(Problem) {
        guard depth < Self.deepest else { throw self.problem("it is nested too deeply") }
        self.index += 1
    }

    private mutating func continues() -> Bool {
        self.skipSpace()
        return self.skip(",")
    }

    private mutating func closes(_ bracket: StaticString) -> Bool {
        self.skipSpace()
        return self.skip(bracket)
    }

    /// `-0.5e+10` and simpler ones (§6).
    private mutating func number() throws(Problem) -> JSONValue {
        let start = self.index
        _ = self.skip("-")
        let isZero = self.next == UInt8(ascii: "0")
        let whole = self.skipDigits()
        guard whole > 0, !isZero || whole == 1 else { throw self.problem("a number is malformed") }
        if self.skip("."), self.skipDigits() == 0 { throw self.problem("a number is malformed") }
        if self.skip("e") || self.skip("E") {
            if !self.skip("+") { _ = self.skip("-") }
            guard self.skipDigits() > 0 else { throw self.problem("a number is malformed") }
        }
        return .number(String(decoding: self.bytes[start..<self.index], as: UTF8.self))
    }

    // MARK: Bytes

    var next: UInt8? { self.index < self.bytes.count ? self.bytes[self.index] : nil }

    func problem(_ reason: StaticString) -> Problem {
        Problem(reason: reason, offset: self.index)
    }

    /// The next byte, which is then behind.
    mutating func take() -> UInt8? {
        guard let byte = self.next else { return nil }
        self.index += 1
        return byte
    }

    private mutating func skipSpace() {
        while let byte = self.next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { self.index += 1 }
    }

    private mutating func skipDigits() -> Int {
        let start = self.index
        while let byte = self.next, Self.isDigit(byte) { self.index += 1 }
        return self.index - start
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// Whether the word stood there; it is then behind.
    private mutating func skip(_ word: StaticString) -> Bool {
        let isHere = word.withUTF8Buffer { self.bytes[self.index...].starts(with: $0) }
        if isHere { self.index += word.utf8CodeUnitCount }
        return isHere
    }
}
