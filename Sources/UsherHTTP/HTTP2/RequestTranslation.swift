package import NIOCore

/// Writes a request's fields down in HTTP/1.1's form, for the one parser that every request passes.
///
/// What HTTP/2 allows and HTTP/1.1 could read as something else never gets that far: a byte in a name, value or
/// pseudo-field that could end a line or a part of one, an upper-case name, a field that means something for one
/// connection only, a second view of the authority (RFC 9113 §8.2, §8.3, §10.3).
package enum RequestTranslation {
    package enum Outcome: Sendable, Hashable {
        case translated
        /// The request breaks a rule of HTTP/2: its stream is reset (RFC 9113 §8.1.1).
        case malformed(StaticReason)
        /// The request is answered with this.
        case refused(Refusal)
    }

    /// Appends the request to `out`.
    ///
    /// - Parameter hasBody: the stream goes on behind this block.
    package static func write(_ block: borrowing FieldBlock, hasBody: Bool, to out: inout ByteBuffer) -> Outcome {
        guard !block.isTooLarge else { return .refused(Fault.headTooLarge.refusal) }
        var lines = RequestLines()
        if let fault = lines.read(block) { return .malformed(fault) }
        if let fault = lines.check(block) { return .malformed(fault) }
        lines.write(block, to: &out)
        return .translated
    }

    /// Fields behind a body as lines that may be sent on, without those that may not come there; nil: none are left.
    ///
    /// - Throws: the rule that one of them breaks.
    package static func trailers(_ block: borrowing FieldBlock) throws(StaticReason) -> Trailers? {
        guard !block.isTooLarge else { throw "trailers that are too large" }
        var lines = ByteBuffer()
        let bytes = block.bytes.span
        for field in block.fields {
            let id: HeaderID
            switch FieldRules.judge(field, bytes) {
            case .pseudo: throw "a pseudo-field in the trailers"
            case .malformed(let reason): throw reason
            case .regular(let found): id = found
            }
            guard !FieldRules.connection.contains(id) else { throw FieldRules.concernsConnection }
            guard !HeaderSet.forbiddenInTrailers.contains(id) else { continue }
            lines.append(bytes.extracting(field.name.range(in: bytes.count)))
            lines.writeStaticString(": ")
            lines.append(bytes.extracting(field.value.range(in: bytes.count)))
            lines.writeStaticString("\r\n")
        }
        return lines.readableBytes == 0 ? nil : Trailers(bytes: lines)
    }
}

/// The parts of a request, found in one pass over its fields.
private struct RequestLines {
    private var method: ByteSlice?
    private var scheme: ByteSlice?
    private var path: ByteSlice?
    private var authority: ByteSlice?
    private var host: ByteSlice?
    private var hasCookies = false

    /// Finds everything; the reason when a field may not be there.
    mutating func read(_ block: borrowing FieldBlock) -> StaticReason? {
        let bytes = block.bytes.span
        var isPastPseudo = false
        for field in block.fields {
            switch FieldRules.judge(field, bytes) {
            case .malformed(let reason):
                return reason
            case .pseudo:
                guard !isPastPseudo else { return "a pseudo-field behind an ordinary one" }
                if let reason = take(pseudo: field, bytes) { return reason }
            case .regular(let id):
                isPastPseudo = true
                guard !FieldRules.connection.contains(id) else { return FieldRules.concernsConnection }
                switch id {
                case .te:
                    guard equals(field.value, "trailers", bytes) else { return "te that is not trailers" }
                case .cookie: hasCookies = true
                case .host:
                    guard host == nil else { return "more than one host" }
                    host = field.value
                default: break
                }
            }
        }
        return nil
    }

    private mutating func take(pseudo field: FieldBlock.Field, _ bytes: Span<UInt8>) -> StaticReason? {
        if equals(field.name, ":method", bytes) {
            return Self.set(&method, field.value)
        } else if equals(field.name, ":path", bytes) {
            return Self.set(&path, field.value)
        } else if equals(field.name, ":scheme", bytes) {
            return Self.set(&scheme, field.value)
        } else if equals(field.name, ":authority", bytes) {
            return Self.set(&authority, field.value)
        }
        return "an unknown pseudo-field"
    }

    private static func set(_ part: inout ByteSlice?, _ value: ByteSlice) -> StaticReason? {
        guard part == nil else { return "a pseudo-field twice" }
        part = value
        return nil
    }

    /// What only all parts together show (RFC 9113 §8.3.1, §8.5).
    func check(_ block: borrowing FieldBlock) -> StaticReason? {
        let bytes = block.bytes.span
        guard let method, !method.isEmpty else { return "no :method" }
        if let authority, let host, !equalsFolded(authority, host, bytes) { return "host and :authority differ" }
        if equals(method, "CONNECT", bytes) {
            guard scheme == nil, path == nil, authority != nil else { return "CONNECT with :scheme or :path" }
            return nil
        }
        guard let scheme, equals(scheme, "https", bytes) || equals(scheme, "http", bytes) else {
            return "no :scheme of HTTP"
        }
        guard let path, !path.isEmpty else { return "no :path" }
        let first = bytes[path.range(in: bytes.count).lowerBound]
        guard first == 0x2F || (first == 0x2A && path.count == 1) else { return "a :path that is no path" }
        return nil
    }

    func write(_ block: borrowing FieldBlock, to out: inout ByteBuffer) {
        let bytes = block.bytes.span
        // Two bytes a name and value more than now, the request line's end, and Host.
        out.writeHead(reserving: bytes.count + 4 * block.fields.count + 64) { writer in
            if let method { writer.write(method, of: bytes) }
            writer.write(" ")
            if let target = path ?? authority { writer.write(target, of: bytes) }
            writer.write(" HTTP/1.1\r\n")
            if let host = authority ?? host {
                writer.write("host: ")
                writer.write(host, of: bytes)
                writer.write("\r\n")
            }
            for field in block.fields where isCopied(field, bytes) {
                writer.write(field.name, of: bytes)
                writer.write(": ")
                writer.write(field.value, of: bytes)
                writer.write("\r\n")
            }
            if hasCookies { writeCookies(block.fields, bytes, to: &writer) }
            writer.write("\r\n")
        }
    }

    /// All but pseudo-fields, which are written by name; `host` and cookies are written once.
    private func isCopied(_ field: FieldBlock.Field, _ bytes: Span<UInt8>) -> Bool {
        let name = field.name.range(in: bytes.count)
        guard bytes[name.lowerBound] != 0x3A else { return false }
        if name.count == 4 { return !equals(field.name, "host", bytes) }
        return !(hasCookies && name.count == 6 && equals(field.name, "cookie", bytes))
    }

    /// The crumbs as the one field that they are (RFC 9113 §8.2.3).
    private func writeCookies(_ fields: [FieldBlock.Field], _ bytes: Span<UInt8>, to writer: inout HeadWriter) {
        var isFirst = true
        for field in fields where equals(field.name, "cookie", bytes) {
            writer.write(isFirst ? "cookie: " : "; ")
            writer.write(field.value, of: bytes)
            isFirst = false
        }
        writer.write("\r\n")
    }

    private func equals(_ slice: ByteSlice, _ text: StaticString, _ bytes: Span<UInt8>) -> Bool {
        let range = slice.range(in: bytes.count)
        guard range.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count {
            guard unsafe bytes[range.lowerBound &+ offset] == text.utf8Start[offset] else { return false }
        }
        return true
    }

    /// Host names have no case.
    private func equalsFolded(_ one: ByteSlice, _ other: ByteSlice, _ bytes: Span<UInt8>) -> Bool {
        let one = bytes.extracting(one.range(in: bytes.count))
        let other = bytes.extracting(other.range(in: bytes.count))
        guard one.count == other.count else { return false }
        for index in one.indices where Octets.lowercased(one[index]) != Octets.lowercased(other[index]) { return false }
        return true
    }
}

/// What a single field may look like (RFC 9113 §8.2.1), more strictly than there: no control bytes in values at all.
private enum FieldRules {
    enum Verdict {
        case pseudo
        case regular(HeaderID)
        case malformed(StaticReason)
    }

    /// Fields that concern one connection and mean nothing here (RFC 9113 §8.2.2).
    static let connection: HeaderSet = [.connection, .proxyConnection, .keepAlive, .transferEncoding, .upgrade]
    static let concernsConnection: StaticReason = "a field that concerns one connection"

    @inline(__always)
    static func judge(_ field: FieldBlock.Field, _ bytes: Span<UInt8>) -> Verdict {
        let name = field.name.range(in: bytes.count)
        let value = field.value.range(in: bytes.count)
        guard !name.isEmpty else { return .malformed("an empty field name") }
        guard isValue(bytes, value) else { return .malformed("a forbidden byte in a value") }
        if bytes[name.lowerBound] == 0x3A {
            // Inside the pseudo-fields not even white space: it would part a request line.
            for index in value where bytes[index] <= Octets.space { return .malformed("a space in a pseudo-field") }
            return .pseudo
        }
        for index in name {
            let byte = bytes[index]
            guard Octets.token.contains(byte), byte &- 0x41 >= 26 else {
                return .malformed("a forbidden byte in a field name")
            }
        }
        return .regular(HeaderNames.shared.id(bytes, from: name.lowerBound, count: name.count))
    }

    /// No control bytes but tabs, and no white space around it.
    @inline(__always)
    private static func isValue(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard let first = range.first, let last = range.last else { return true }
        guard !isWhiteSpace(bytes[first]), !isWhiteSpace(bytes[last]) else { return false }
        var position = first
        while true {
            position = Octets.firstControl(bytes, from: position, to: range.upperBound)
            guard position < range.upperBound else { return true }
            guard bytes[position] == Octets.tab else { return false }
            position += 1
        }
    }

    private static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == Octets.space || byte == Octets.tab
    }
}
