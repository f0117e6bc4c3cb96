internal import UsherHTTP

/// An entity tag (RFC 9110 §8.8.3), as places in the bytes that it was read from.
struct EntityTag {
    var isWeak: Bool
    /// With its quotes.
    var opaque: Range<Int>

    /// Reads a whole value: `"…"` or `W/"…"`, with the `W` in upper case and no escapes.
    init?(_ value: Span<UInt8>) {
        var position = 0
        guard let tag = EntityTag(value, &position), position == value.count else { return nil }
        self = tag
    }

    private init?(_ value: Span<UInt8>, _ position: inout Int) {
        var index = position
        isWeak = value.count - index >= 2 && value[index] == 0x57 && value[index + 1] == 0x2F
        if isWeak { index += 2 }
        let start = index
        guard index < value.count, value[index] == Text.quote else { return nil }
        index += 1
        while index < value.count, value[index] != Text.quote {
            guard value[index] > 0x20, value[index] != 0x7F else { return nil }
            index += 1
        }
        guard index < value.count else { return nil }
        position = index + 1
        opaque = start..<position
    }

    /// Whether a tag is in a list of tags, weak or not (RFC 9110 §8.8.3.2).
    ///
    /// Elements that are no tags are passed over. Commas and backslashes inside of tags are bytes like any other. Every
    /// byte is looked at twice at most.
    static func contains(_ tag: Span<UInt8>, in list: Span<UInt8>) -> Bool {
        guard let wanted = EntityTag(tag) else { return false }
        let opaque = tag.extracting(wanted.opaque)
        var position = 0
        while position < list.count {
            if list[position] == Text.comma || Text.isWhiteSpace(list[position]) {
                position += 1
            } else if let found = EntityTag(list, &position) {
                if isAtEnd(list, position), Text.equal(list.extracting(found.opaque), opaque) { return true }
                skipElement(list, &position)
            } else {
                skipElement(list, &position)
            }
        }
        return false
    }

    /// Whether an element ends at a place.
    private static func isAtEnd(_ list: Span<UInt8>, _ position: Int) -> Bool {
        var index = position
        while index < list.count, Text.isWhiteSpace(list[index]) { index += 1 }
        return index == list.count || list[index] == Text.comma
    }

    private static func skipElement(_ list: Span<UInt8>, _ position: inout Int) {
        while position < list.count, list[position] != Text.comma { position += 1 }
    }

    /// Whether two values are strong tags with the same bytes (RFC 9110 §8.8.3.2).
    static func matchStrongly(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        guard let first = EntityTag(one), let second = EntityTag(other) else { return false }
        return !first.isWeak && !second.isWeak && Text.equal(one, other)
    }

    /// Whether two values are tags with the same opaque bytes, weak or not.
    static func matchWeakly(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        guard let first = EntityTag(one), let second = EntityTag(other) else { return false }
        return Text.equal(one.extracting(first.opaque), other.extracting(second.opaque))
    }
}
