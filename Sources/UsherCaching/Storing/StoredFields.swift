internal import UsherCore
public import UsherHTTP

/// The field lines that are kept of an answer: `Name: value` and CRLF each, without the empty line (RFC 9111 §3.1).
public enum StoredFields {
    /// Fields of one connection, of one message, and of us; `Age` and `Content-Length` are made anew from what is
    /// stored, and trailers are not kept.
    static let dropped = HeaderSet.hopByHop.union([
        .age, .contentLength, .trailer, .usher, .rateLimit, .xRequestID,
    ])

    /// Appends the lines of an answer that are kept.
    ///
    /// Left out: what concerns one connection or one client, what `no-cache` and `private` name, cookies unless the
    /// answer is explicitly public, and `Warning`, which no longer means anything (§5.5).
    ///
    /// - Parameter date: a whole line that is added when the answer has no `Date`; a cache must know one
    ///   (RFC 9110 §6.6.1). Empty: none.
    public static func write(
        _ head: ResponseHead, _ directives: ResponseDirectives, date: [UInt8] = [], to lines: inout [UInt8]
    ) {
        for field in head.fields where isKept(field, of: head, directives) { append(field, of: head, to: &lines) }
        if !head.known.contains(.date) { lines.append(contentsOf: date) }
    }

    /// Appends all lines that pass on to the one client whose request brought the answer, its cookies included.
    public static func writeWhole(_ head: ResponseHead, date: [UInt8] = [], to lines: inout [UInt8]) {
        var dropped = dropped
        dropped.remove(.xRequestID)
        for field in head.fields where !dropped.contains(field.id) && !field.listedInConnection {
            append(field, of: head, to: &lines)
        }
        if !head.known.contains(.date) { lines.append(contentsOf: date) }
    }

    /// The place of a field's first value in stored lines, without the white space around it.
    public static func value(of name: StaticString, in lines: Span<UInt8>) -> Range<Int>? {
        var cursor = StoredLines()
        while let line = cursor.next(lines) {
            if equalsFolded(lines.extracting(line.name), name) { return line.value }
        }
        return nil
    }

    static func append(_ field: HeaderField, of head: ResponseHead, to lines: inout [UInt8]) {
        head.withBytes(field.name) { lines.append($0) }
        lines.append(": ")
        head.withBytes(field.value) { lines.append($0) }
        lines.append("\r\n")
    }

    static func isKept(_ field: HeaderField, of head: ResponseHead, _ directives: ResponseDirectives) -> Bool {
        guard !dropped.contains(field.id), !field.listedInConnection else { return false }
        if field.id == .setCookie, !maySetCookies(directives) { return false }
        let isPlain = directives.noCacheFields.isEmpty && directives.privateFields.isEmpty
        guard !isPlain || field.id == .other else { return true }
        return head.withBytes(field.name) { name in
            if field.id == .other, equalsFolded(name, "warning") || equalsFolded(name, "proxy-authentication-info") {
                return false
            }
            return isPlain || !isWithheld(name, directives)
        }
    }

    /// Whether cookies may go to others than the one who got them.
    static func maySetCookies(_ directives: ResponseDirectives) -> Bool {
        directives.isPublic
    }

    /// Whether a qualified `no-cache` or `private` names a field.
    static func isWithheld(_ name: Span<UInt8>, _ directives: ResponseDirectives) -> Bool {
        for withheld in directives.noCacheFields where equalsFolded(name, withheld.span) { return true }
        for withheld in directives.privateFields where equalsFolded(name, withheld.span) { return true }
        return false
    }

    static func isWithheld(_ name: StaticString, _ directives: ResponseDirectives) -> Bool {
        for withheld in directives.noCacheFields where equalsFolded(withheld.span, name) { return true }
        for withheld in directives.privateFields where equalsFolded(withheld.span, name) { return true }
        return false
    }
}
