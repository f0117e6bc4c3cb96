internal import UsherCore
public import UsherHTTP

extension StoredFields {
    /// Fields that describe the stored bytes, so that another message may not change them (RFC 9111 §3.2).
    private static let fixed: HeaderSet = [.contentEncoding, .contentType, .contentRange]

    /// Stored lines with what a 304 or an answer to HEAD says newly (RFC 9111 §3.2): its fields take the place of
    /// stored ones of the same name, all others stay.
    ///
    /// Fields that tell how to read the stored bytes never change. A stored entity tag stays when there is one: the new
    /// one is the same, or a weaker form of it, for bytes that we did not see.
    ///
    /// - Parameters:
    ///   - directives: those that hold for the updated answer, see `directives(updating:with:)`.
    ///   - date: a whole line that counts when the new message has no `Date`. Empty: the stored one stays.
    public static func updated(
        _ lines: Span<UInt8>, with head: ResponseHead, _ directives: ResponseDirectives, date: [UInt8] = []
    ) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(lines.count + date.count + 256)
        var added: [HeaderField] = []
        let hasEntityTag = value(of: "etag", in: lines) != nil
        for field in head.fields where isKept(field, of: head, directives) && !fixed.contains(field.id) {
            if field.id != .eTag || !hasEntityTag { added.append(field) }
        }
        let hasDate = head.known.contains(.date)
        var cursor = StoredLines()
        while let line = cursor.next(lines) {
            let name = lines.extracting(line.name)
            let isReplaced = added.contains { field in
                Int(field.name.count) == name.count && head.withBytes(field.name) { equalsFolded($0, name) }
            }
            let isOutdated = !hasDate && !date.isEmpty && equalsFolded(name, "date")
            let isCookie = !maySetCookies(directives) && equalsFolded(name, "set-cookie")
            guard !isReplaced, !isOutdated, !isCookie, !isWithheld(name, directives) else { continue }
            kept.append(lines.extracting(line.whole))
        }
        for field in added { append(field, of: head, to: &kept) }
        if !hasDate { kept.append(contentsOf: date) }
        return kept
    }

    /// The directives that hold for an answer once a message has updated it: the message's own, or the stored ones when
    /// it has none.
    public static func directives(updating lines: Span<UInt8>, with head: ResponseHead) -> ResponseDirectives {
        let isSaid = head.known.contains(.cacheControl) || head.known.contains(.cdnCacheControl)
        guard isSaid else { return ResponseDirectives(stored: lines) }
        let new = ResponseDirectives(head)
        // The message's `Cache-Control` does not take the place of a stored `CDN-Cache-Control`, which goes before it.
        let isTargetKept = !head.known.contains(.cdnCacheControl) && value(of: "cdn-cache-control", in: lines) != nil
        guard isTargetKept else { return new }
        let stored = ResponseDirectives(stored: lines)
        return stored.isTargeted ? stored : new
    }
}
