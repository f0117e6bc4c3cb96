public import UsherCore
public import UsherHTTP

/// A stored answer as a 304 or an answer to HEAD has made it new.
public struct FreshenedAnswer: Sendable {
    /// What is stored now.
    public var lines: [UInt8]
    /// Those that hold now.
    public var directives: ResponseDirectives
    public var facts: AnswerFacts

    /// Whether it may stay where others find it: new directives can forbid that.
    public var mayBeStored: Bool {
        !directives.isPrivate && (!directives.noStore || directives.mustUnderstand)
    }
}

/// Makes stored answers fresh by 304 (RFC 9111 §4.3.4).
public enum Freshening {
    /// Whether a 304 speaks of this stored answer.
    ///
    /// A tag must be the stored one, and goes before the date of the last change. Tags are compared weakly, although a
    /// strong one should match only a strong one: services that weaken the tags of what they compress do not do so in
    /// their 304, and the stored tag stays anyway. A 304 without validators speaks of the only answer that was asked
    /// about: the one whose validators the request had.
    public static func applies(_ lines: Span<UInt8>, to head: ResponseHead) -> Bool {
        guard head.status == 304 else { return false }
        if let slice = head.slice(of: .eTag) {
            guard let stored = StoredFields.value(of: "etag", in: lines) else {
                return isWeak(slice, head) && isModifiedAlike(lines, head) == true
            }
            return head.withBytes(slice) { EntityTag.matchWeakly($0, lines.extracting(stored)) }
        }
        return isModifiedAlike(lines, head) ?? !head.known.contains(.lastModified)
    }

    private static func isWeak(_ slice: ByteSlice, _ head: ResponseHead) -> Bool {
        head.withBytes(slice) { EntityTag($0)?.isWeak ?? false }
    }

    /// Whether the dates of the last change are the same; nil when one is missing.
    static func isModifiedAlike(_ lines: Span<UInt8>, _ head: ResponseHead) -> Bool? {
        guard let slice = head.slice(of: .lastModified),
            let stored = StoredFields.value(of: "last-modified", in: lines)
        else { return nil }
        return head.withBytes(slice) { value in
            let old = lines.extracting(stored)
            // Bytes that are the same say the same, whether or not they are a date.
            if Text.equal(value, old) { return true }
            guard let new = HTTPDate.read(value, now: 0) else { return false }
            return new == HTTPDate.read(old, now: 0)
        }
    }

    /// The answer as it is stored from now on: lines, directives and facts, the last two from the new lines and from
    /// the new message's `Age`.
    ///
    /// - Parameters:
    ///   - lines: as stored so far.
    ///   - status: the stored answer's.
    ///   - head: the 304, or the answer to HEAD.
    ///   - date: a whole line that counts when the message has no `Date`.
    ///   - requestedAt: when the request for the message was sent; the others as in `AnswerFacts`.
    public static func refresh(
        _ lines: Span<UInt8>, status: Int, with head: ResponseHead, date: [UInt8], requestedAt: MonotonicTime,
        receivedAt: MonotonicTime, unixSeconds: Int
    ) -> FreshenedAnswer {
        let directives = StoredFields.directives(updating: lines, with: head)
        let updated = StoredFields.updated(lines, with: head, directives, date: date)
        var fields = FreshnessFields(stored: updated.span, now: unixSeconds)
        fields.age = FreshnessFields.age(head)
        // Without a date of its own the message was made when it came.
        if !head.known.contains(.date) { fields.date = unixSeconds }
        let facts = AnswerFacts(
            fields, directives, status: status, requestedAt: requestedAt, receivedAt: receivedAt,
            unixSeconds: unixSeconds)
        return FreshenedAnswer(lines: updated, directives: directives, facts: facts)
    }
}

/// What an answer to HEAD means for the stored answer to GET (RFC 9111 §4.3.5).
public enum HeadUpdate: Sendable, Hashable {
    /// It is the same and its fields are newer: `Freshening.refresh` takes them over.
    case update
    /// There is another answer now: the stored one is stale.
    case invalidate
    /// It says nothing.
    case leave

    /// - Parameter storedLength: of the stored body, in bytes.
    public static func judge(_ lines: Span<UInt8>, storedLength: Int, _ head: ResponseHead) -> HeadUpdate {
        guard head.status == 200 else { return .leave }
        if let slice = head.slice(of: .eTag) {
            guard let stored = StoredFields.value(of: "etag", in: lines),
                head.withBytes(slice, { Text.equal($0, lines.extracting(stored)) })
            else { return .invalidate }
        }
        if head.known.contains(.lastModified) {
            guard Freshening.isModifiedAlike(lines, head) == true else { return .invalidate }
        }
        if let slice = head.slice(of: .contentLength) {
            guard head.withBytes(slice, { isNumber($0, storedLength) }) else { return .invalidate }
        }
        return .update
    }

    private static func isNumber(_ text: Span<UInt8>, _ number: Int) -> Bool {
        var result = 0
        for index in text.indices {
            guard Octets.isDigit(text[index]), result <= number else { return false }
            result = result * 10 + Int(text[index] &- 0x30)
        }
        return !text.isEmpty && result == number
    }
}
