public import UsherHTTP

/// What a client's conditions say to a stored answer.
public enum PreconditionVerdict: Sendable, Hashable {
    /// The answer is sent as if nobody had asked.
    case proceed
    /// 304 is enough, because the client has the same.
    case notModified
}

/// Evaluates a client's conditions against a stored answer (RFC 9110 §13, RFC 9111 §4.3.2).
public enum Precondition {
    /// Whether the conditions are for the service alone, so that no stored answer may be used: `If-Match` and
    /// `If-Unmodified-Since` (RFC 9111 §4.3.2).
    public static func mustBypass(_ head: RequestHead) -> Bool {
        head.known.contains(.ifMatch) || head.known.contains(.ifUnmodifiedSince)
    }

    /// - Parameters:
    ///   - lines: the stored answer's.
    ///   - unixReceived: when it came, in seconds since 1970; stands in for dates that it does not have.
    ///   - status: the stored answer's; conditions count for 2xx only (RFC 9110 §13.2.1).
    public static func judge(
        _ request: RequestHead, lines: Span<UInt8>, unixReceived: Int, status: Int = 200
    ) -> PreconditionVerdict {
        let isConditional = request.known.contains(.ifNoneMatch) || request.known.contains(.ifModifiedSince)
        guard isConditional, request.method == .get || request.method == .head, (200..<300).contains(status) else {
            return .proceed
        }
        let isSame =
            request.known.contains(.ifNoneMatch)
            ? isListed(request, lines) : isUnmodified(request, lines, received: unixReceived)
        return isSame ? .notModified : .proceed
    }

    /// `If-None-Match`: `*` means any answer; else tags are compared weakly (RFC 9110 §13.1.2).
    private static func isListed(_ request: RequestHead, _ lines: Span<UInt8>) -> Bool {
        let tag = StoredFields.value(of: "etag", in: lines)
        for field in request.fields where field.id == .ifNoneMatch {
            let isListed = request.withBytes(field.value) { list in
                if equalsIgnoringCase(list, "*") { return true }
                guard let tag else { return false }
                return EntityTag.contains(lines.extracting(tag), in: list)
            }
            if isListed { return true }
        }
        return false
    }

    /// `If-Modified-Since`: one date that can be read; the answer's last change, or its date, or the time when it came,
    /// is not later (RFC 9110 §13.1.3, RFC 9111 §4.3.2).
    private static func isUnmodified(_ request: RequestHead, _ lines: Span<UInt8>, received: Int) -> Bool {
        guard let limit = date(.ifModifiedSince, of: request, now: received) else { return false }
        let changed = date("last-modified", in: lines, now: received) ?? date("date", in: lines, now: received)
        return (changed ?? received) <= limit
    }

    /// Whether a range may be taken from the stored answer: there is no `If-Range`, or its one validator is the
    /// answer's and a strong one (RFC 9110 §13.1.5). A date is strong when the answer was made a second or more after
    /// it (§8.8.2.2).
    public static func ifRangeHolds(_ request: RequestHead, lines: Span<UInt8>) -> Bool {
        guard request.known.contains(.ifRange) else { return true }
        guard let slice = onlyValue(of: .ifRange, request) else { return false }
        return request.withBytes(slice) { value in
            if let tag = StoredFields.value(of: "etag", in: lines),
                EntityTag.matchStrongly(value, lines.extracting(tag))
            {
                return true
            }
            // Years of two digits mean the same in both fields, whatever the time is.
            guard let wanted = HTTPDate.read(value, now: 0), let changed = date("last-modified", in: lines, now: 0),
                let made = date("date", in: lines, now: 0)
            else { return false }
            return wanted == changed && made > changed
        }
    }

    private static func date(_ name: StaticString, in lines: Span<UInt8>, now: Int) -> Int? {
        StoredFields.value(of: name, in: lines).flatMap { HTTPDate.read(lines.extracting($0), now: now) }
    }

    private static func date(_ id: HeaderID, of request: RequestHead, now: Int) -> Int? {
        onlyValue(of: id, request).flatMap { slice in request.withBytes(slice) { HTTPDate.read($0, now: now) } }
    }

    /// The value of a field that comes once.
    private static func onlyValue(of id: HeaderID, _ request: RequestHead) -> ByteSlice? {
        guard request.fields.count(where: { $0.id == id }) == 1 else { return nil }
        return request.slice(of: id)
    }
}
