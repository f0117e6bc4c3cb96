internal import UsherCore
public import UsherHTTP

/// The request fields that an answer was chosen by (RFC 9111 §4.1, RFC 9110 §12.5.5): sorted, distinct, in lower case.
public struct VaryNames: Sendable, Hashable {
    /// An answer with more counts as one that no other request gets.
    public static let namesMaximum = 16

    public let names: [[UInt8]]

    /// None: every request gets the same answer.
    public init() {
        names = []
    }

    /// Nil for `*`, for something that is no name, and for too many.
    public init?(_ head: ResponseHead) {
        guard head.known.contains(.vary) else {
            names = []
            return
        }
        var found: Set<[UInt8]> = []
        for field in head.fields where field.id == .vary {
            guard head.withBytes(field.value, { Self.read($0, into: &found) }) else { return nil }
        }
        names = found.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func read(_ value: Span<UInt8>, into found: inout Set<[UInt8]>) -> Bool {
        var cursor = ElementCursor()
        while let range = cursor.next(value) {
            let name = value.extracting(range)
            guard Text.isToken(name), !equalsIgnoringCase(name, "*") else { return false }
            found.insert(Text.lowercased(name))
            guard found.count <= namesMaximum else { return false }
        }
        return true
    }

    /// Whether every request gets the same answer.
    public var isEmpty: Bool { names.isEmpty }

    /// Appends what a request says in these fields, so that two requests append the same exactly when one may have the
    /// answer of the other.
    ///
    /// For each name: its length and bytes, 0 when the field is absent, else 1 and the length and bytes of its value
    /// with lines joined by `, ` and no other white space at commas. `Accept-Encoding` becomes the set of codings that
    /// the client takes, see `AcceptedCodings`, after a 2. Lengths are four bytes, the lowest first.
    public func append(selecting head: RequestHead, to bytes: inout [UInt8]) {
        for name in names {
            Self.append(length: name.count, to: &bytes)
            bytes.append(contentsOf: name)
            if equalsFolded(name.span, "accept-encoding"), let codings = Self.codings(head) {
                bytes.append(2)
                bytes.append(codings.bits)
            } else {
                Self.append(name, of: head, to: &bytes)
            }
        }
    }

    /// The codings of `Accept-Encoding`, when it is there and they can be told.
    private static func codings(_ head: RequestHead) -> AcceptedCodings? {
        guard let slice = head.slice(of: .acceptEncoding) else { return nil }
        if head.fields.count(where: { $0.id == .acceptEncoding }) == 1 {
            return head.withBytes(slice) { AcceptedCodings($0) }
        }
        var joined: [UInt8] = []
        for field in head.fields where field.id == .acceptEncoding {
            head.withBytes(field.value) { joined.append($0) }
            joined.append(Text.comma)
        }
        return AcceptedCodings(joined.span)
    }

    private static func append(_ name: [UInt8], of head: RequestHead, to bytes: inout [UInt8]) {
        let start = bytes.count
        var isThere = false
        for field in head.fields where Int(field.name.count) == name.count {
            guard head.withBytes(field.name, { equalsFolded($0, name.span) }) else { continue }
            if isThere {
                bytes.append(", ")
            } else {
                bytes.append(1)
                append(length: 0, to: &bytes)
                isThere = true
            }
            head.withBytes(field.value) { appendList($0, to: &bytes) }
        }
        guard isThere else { return bytes.append(0) }
        write(length: bytes.count - start - 5, to: &bytes, at: start + 1)
    }

    /// Appends a value with `, ` for each comma outside of quotes, whatever white space was beside it.
    private static func appendList(_ value: Span<UInt8>, to bytes: inout [UInt8]) {
        var index = 0
        var start = 0
        var readsQuotes = true
        while index < value.count {
            if value[index] == Text.comma {
                bytes.append(value.extracting(Text.trimmed(start..<index, value)))
                bytes.append(", ")
                start = index + 1
            } else if readsQuotes, value[index] == Text.quote {
                if let end = ElementCursor.endOfQuoted(value, from: index) {
                    index = end
                    continue
                }
                readsQuotes = false
            }
            index += 1
        }
        bytes.append(value.extracting(Text.trimmed(start..<value.count, value)))
    }

    private static func append(length: Int, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
    }

    private static func write(length: Int, to bytes: inout [UInt8], at place: Int) {
        for offset in 0..<4 { bytes[place + offset] = UInt8(truncatingIfNeeded: length >> (8 * offset)) }
    }
}
