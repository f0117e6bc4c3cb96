internal import UsherCore
internal import UsherHTTP

/// What a service can be asked with whether a stored answer still holds, as places in its stored lines.
public struct Validators: Sendable, Hashable {
    /// With its quotes and its `W/`.
    public var eTag: Range<Int>?
    /// Whether the tag tells only that two forms mean the same (RFC 9110 §8.8.1).
    public var isWeak: Bool
    /// A date that can be read.
    public var lastModified: Range<Int>?

    public init(_ lines: Span<UInt8>) {
        eTag = StoredFields.value(of: "etag", in: lines)
        let tag = eTag.flatMap { EntityTag(lines.extracting($0)) }
        isWeak = tag?.isWeak ?? false
        if tag == nil { eTag = nil }
        lastModified = StoredFields.value(of: "last-modified", in: lines)
        if let range = lastModified, HTTPDate.read(lines.extracting(range), now: 0) == nil { lastModified = nil }
    }

    public var isEmpty: Bool { eTag == nil && lastModified == nil }

    /// Appends `If-None-Match` and `If-Modified-Since` lines, CRLF each, for what there is (RFC 9111 §4.3.1).
    public static func writeConditions(from lines: Span<UInt8>, to out: inout [UInt8]) {
        let validators = Validators(lines)
        if let range = validators.eTag {
            out.append("If-None-Match: ")
            out.append(lines.extracting(range))
            out.append("\r\n")
        }
        if let range = validators.lastModified {
            out.append("If-Modified-Since: ")
            out.append(lines.extracting(range))
            out.append("\r\n")
        }
    }
}
