internal import UsherHTTP

/// Goes through the elements of a comma-separated value whose elements may hold quoted strings (RFC 9110 §5.6.1,
/// §5.6.4).
///
/// Empty elements are skipped. A quote that nobody closes is a byte like any other, and so are the quotes behind it:
/// then the commas part elements again, and no directive can hide in text that only seems to be quoted. Every byte is
/// looked at twice at most.
struct ElementCursor {
    private var position = 0
    private var readsQuotes = true

    /// The next element without the white space around it; nil at the end.
    mutating func next(_ value: Span<UInt8>) -> Range<Int>? {
        while position < value.count, value[position] == Text.comma || Text.isWhiteSpace(value[position]) {
            position += 1
        }
        guard position < value.count else { return nil }
        let start = position
        while position < value.count, value[position] != Text.comma {
            if readsQuotes, value[position] == Text.quote {
                if let end = Self.endOfQuoted(value, from: position) {
                    position = end
                    continue
                }
                readsQuotes = false
            }
            position += 1
        }
        return Text.trimmed(start..<position, value)
    }

    /// Behind the quote that closes the one at a place; nil when none does.
    static func endOfQuoted(_ value: Span<UInt8>, from start: Int) -> Int? {
        var index = start + 1
        while index < value.count, value[index] != Text.quote {
            // What stands behind a backslash belongs to the text, whatever it is.
            index += value[index] == Text.backslash ? 2 : 1
        }
        return index < value.count ? index + 1 : nil
    }
}

/// One directive of a `Cache-Control` field, as places in its element (RFC 9111 §5.2).
struct Directive {
    enum Argument {
        case none
        /// Without the quotes, when there were any.
        case text(Range<Int>)
        /// Something that no argument may be: white space beside `=`, text behind the argument, an open quote.
        case broken
    }

    var name: Range<Int>
    var argument: Argument

    /// Nil for an element that does not begin with a name.
    init?(_ element: Span<UInt8>) {
        let end = Text.endOfToken(element, from: 0)
        guard end > 0 else { return nil }
        name = 0..<end
        guard end < element.count else {
            argument = .none
            return
        }
        guard element[end] == Text.equals else {
            argument = .broken
            return
        }
        let start = end + 1
        if start < element.count, element[start] == Text.quote {
            let isWhole = ElementCursor.endOfQuoted(element, from: start) == element.count
            argument = isWhole ? .text(start + 1..<element.count - 1) : .broken
        } else {
            argument = Text.endOfToken(element, from: start) == element.count ? .text(start..<element.count) : .broken
        }
    }
}

/// Numbers of seconds as fields have them (RFC 9111 §1.2.2).
enum DeltaSeconds {
    /// 2³¹; larger numbers count as this one.
    static let most = 2_147_483_648

    /// Nil for anything but digits.
    static func read(_ text: Span<UInt8>) -> Int? {
        guard !text.isEmpty else { return nil }
        var result = 0
        for index in text.indices {
            guard Octets.isDigit(text[index]) else { return nil }
            result = min(result * 10 + Int(text[index] &- 0x30), most)
        }
        return result
    }
}
