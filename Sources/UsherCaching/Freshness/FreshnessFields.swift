internal import UsherHTTP

/// The fields that an answer's age and lifetime are reckoned from, read once.
///
/// Of a field that may come once the first line counts, except where two `Expires` differ: then it is over.
struct FreshnessFields {
    /// Unit of dates: seconds since 1970. Nil when it is missing or cannot be read.
    var date: Int?
    var lastModified: Int?
    var hasExpires = false
    /// Nil as well when there is one that cannot be read, which means a time in the past (RFC 9111 §5.3).
    var expires: Int?
    /// `Age`, in seconds.
    var age = 0
    /// Whether there is an entity tag that can be asked with.
    var hasEntityTag = false

    /// - Parameter now: seconds since 1970, which the dates with short years need.
    init(_ head: ResponseHead, now: Int) {
        age = Self.age(head)
        if let slice = head.slice(of: .date) { date = head.withBytes(slice) { HTTPDate.read($0, now: now) } }
        if let slice = head.slice(of: .lastModified) {
            lastModified = head.withBytes(slice) { HTTPDate.read($0, now: now) }
        }
        if let slice = head.slice(of: .eTag) { hasEntityTag = head.withBytes(slice) { EntityTag($0) != nil } }
        guard head.known.contains(.expires) else { return }
        for field in head.fields where field.id == .expires {
            head.withBytes(field.value) { noteExpires(HTTPDate.read($0, now: now)) }
        }
    }

    /// From stored lines; `Age` is not among them.
    init(stored lines: Span<UInt8>, now: Int) {
        var cursor = StoredLines()
        var isDated = false
        var isModified = false
        var isTagged = false
        while let line = cursor.next(lines) {
            let name = lines.extracting(line.name)
            let value = lines.extracting(line.value)
            if equalsFolded(name, "date") {
                if !isDated { date = HTTPDate.read(value, now: now) }
                isDated = true
            } else if equalsFolded(name, "last-modified") {
                if !isModified { lastModified = HTTPDate.read(value, now: now) }
                isModified = true
            } else if equalsFolded(name, "etag") {
                if !isTagged { hasEntityTag = EntityTag(value) != nil }
                isTagged = true
            } else if equalsFolded(name, "expires") {
                noteExpires(HTTPDate.read(value, now: now))
            }
        }
    }

    private mutating func noteExpires(_ new: Int?) {
        expires = !hasExpires || expires == new ? new : nil
        hasExpires = true
    }

    /// The first member of the field, 0 when that is no number (RFC 9111 §5.1).
    static func age(_ head: ResponseHead) -> Int {
        guard let slice = head.slice(of: .age) else { return 0 }
        return head.withBytes(slice) { value in
            var end = 0
            while end < value.count, value[end] != Text.comma { end += 1 }
            return DeltaSeconds.read(value.extracting(Text.trimmed(0..<end, value))) ?? 0
        }
    }
}
