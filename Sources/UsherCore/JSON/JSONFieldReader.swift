/// Walks through a document once, keeping a few words however deep it is.
///
/// The keys lead through containers that lie in each other. While only those are open, `depth == level`, and the names
/// and elements that begin are compared with the next key; everything else is only checked.
struct JSONFieldReader {
    /// It is no JSON, too deep, or a name of the way stands twice.
    struct Malformed: Error {}

    private let keys: [String]
    /// Offset of the next byte.
    private var place = 0
    /// How many containers are open; 0...`JSONField.deepest`.
    private var depth = 0
    /// Bit 0 is set when the innermost open container is an object, bit 1 for the one around it, and so on.
    private var objects: UInt64 = 0
    /// How many of the open containers, from the outermost, the keys lead into; at most `keys.count`.
    private var level = 0
    /// Bit n is set when the name `keys[n]` was met: none is entered twice, so one word does for all objects.
    private var names: UInt64 = 0
    /// Elements to pass until the one that the next key counts; negative behind it, or when the key is no number.
    private var elementsLeft = -1
    /// Whether the keys so far lead to the value that begins at `place`.
    private var isOnWay = true
    private var found: JSONScalar?

    init(_ keys: [String]) {
        self.keys = keys
    }

    /// The field, or nil; `scratch` ends as it began.
    mutating func find(in document: Span<UInt8>, scratch: inout [UInt8]) throws(Malformed) -> JSONScalar? {
        repeat {
            guard try beginValue(document, &scratch) else { continue }
            while depth > 0 {
                guard try endElement(document, &scratch) else { break }
            }
        } while depth > 0
        guard nextVisible(document) == nil else { throw Malformed() }
        return found
    }

    /// Reads a scalar, or opens a container up to its first value; true when the value is over.
    private mutating func beginValue(_ document: Span<UInt8>, _ scratch: inout [UInt8]) throws(Malformed) -> Bool {
        switch nextVisible(document) {
        case UInt8(ascii: "{"):
            try open(isObject: true)
            if nextVisible(document) == UInt8(ascii: "}") { return close() }
            try beginMember(document, &scratch)
            return false
        case UInt8(ascii: "["):
            try open(isObject: false)
            if nextVisible(document) == UInt8(ascii: "]") { return close() }
            beginElement()
            return false
        default:
            let scalar = try JSONScalar(document, from: place)
            place = scalar.end
            if isOnWay, level == keys.count, scalar.kind != .null { found = scalar }
            return true
        }
    }

    /// What stands behind a value in a container: true when that is the container's end, false behind a comma.
    private mutating func endElement(_ document: Span<UInt8>, _ scratch: inout [UInt8]) throws(Malformed) -> Bool {
        let isObject = objects & 1 != 0
        switch nextVisible(document) {
        case UInt8(ascii: ","):
            place += 1
            if isObject { try beginMember(document, &scratch) } else { beginElement() }
            return false
        case isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"): return close()
        default: throw Malformed()
        }
    }

    private mutating func open(isObject: Bool) throws(Malformed) {
        guard depth < JSONField.deepest else { throw Malformed() }
        place += 1
        if isOnWay, level < keys.count {
            // On the way all open containers are the keys'.
            if !isObject { elementsLeft = Self.elementIndex(keys[level]) ?? -1 }
            level += 1
        }
        depth += 1
        objects = objects << 1 | (isObject ? 1 : 0)
    }

    /// Always true: a value is over.
    private mutating func close() -> Bool {
        place += 1
        if level == depth {
            level -= 1
            // An array around it had its element here.
            elementsLeft = -1
        }
        depth -= 1
        objects >>= 1
        return true
    }

    private mutating func beginElement() {
        isOnWay = depth == level && elementsLeft == 0
        if depth == level { elementsLeft -= 1 }
    }

    /// Reads a name and its colon.
    private mutating func beginMember(_ document: Span<UInt8>, _ scratch: inout [UInt8]) throws(Malformed) {
        guard nextVisible(document) == UInt8(ascii: "\"") else { throw Malformed() }
        let name = try JSONScalar(document, from: place)
        place = name.end
        guard nextVisible(document) == UInt8(ascii: ":") else { throw Malformed() }
        place += 1
        isOnWay = false
        guard depth == level, try name.equals(keys[level - 1], in: document, &scratch) else { return }
        let bit: UInt64 = 1 << (level - 1)
        guard names & bit == 0 else { throw Malformed() }
        names |= bit
        isOnWay = true
    }

    /// The next byte that is no white space (§2), or nil at the end.
    private mutating func nextVisible(_ document: Span<UInt8>) -> UInt8? {
        while place < document.count {
            switch document[place] {
            case 0x20, 0x09, 0x0A, 0x0D: place += 1
            case let byte: return byte
            }
        }
        return nil
    }

    private static func elementIndex(_ key: String) -> Int? {
        key.utf8.first == UInt8(ascii: "0") && key.utf8.count > 1 ? nil : decimal(key, below: .max)
    }
}
