/// The one form of a path that the router, the caches, the quotas and the services see.
///
/// Percent-encoded unreserved bytes are decoded and other escapes written in upper case (RFC 3986 §6.2.2), bytes that
/// should have been encoded are, empty segments are merged (`//` is read as `/`, as most services do), and dot segments
/// are resolved (§5.2.4). Refused with 400: `\`, `%00`, broken escapes, a path that climbs above its root, and segments
/// that some services take for dot segments: `..;x`, and dots beside an encoded slash.
struct CanonicalPath {
    private(set) var text: [UInt8]
    private(set) var hasEncodedSlash = false
    /// Where the segment that is being written begins.
    private var segment = 1
    private var segmentIsSuspect = false

    /// Reuses the storage of an earlier text.
    init(_ storage: consuming [UInt8]) {
        text = storage
        text.removeAll(keepingCapacity: true)
        text.append(0x2F)
    }

    /// Reads a whole path, which begins with `/` or is empty.
    mutating func append(_ path: Span<UInt8>) -> Fault? {
        var index = 1
        while index < path.count {
            let byte = path[index]
            switch byte {
            case 0x2F:
                if let fault = closeSegment(isLast: false) { return fault }
            case 0x5C:
                return .backslash
            case 0x25:
                guard let decoded = PercentEncoding.decode(path, at: index) else {
                    return .percentEncoding
                }
                guard decoded != 0 else { return .encodedNUL }
                if decoded == 0x2F || decoded == 0x5C {
                    hasEncodedSlash = true
                    segmentIsSuspect = true
                }
                PercentEncoding.write(decoded, into: &text)
                index += 2
            default:
                if byte == 0x3B { segmentIsSuspect = true }
                if Octets.encoding.contains(byte) {
                    PercentEncoding.write(byte, into: &text)
                } else {
                    text.append(byte)
                }
            }
            index += 1
        }
        return closeSegment(isLast: true)
    }

    private mutating func closeSegment(isLast: Bool) -> Fault? {
        let count = text.count - segment
        let isDots = count > 0 && count <= 2 && text[segment] == 0x2E && text[text.count - 1] == 0x2E
        if isDots {
            text.removeLast(count)
            if count == 2 {
                guard segment > 1 else { return .aboveRoot }
                text.removeLast()
                while text.count > 1, text[text.count - 1] != 0x2F { text.removeLast() }
            }
        } else if segmentIsSuspect, hidesDots() {
            return .hiddenDots
        } else if count > 0, !isLast {
            text.append(0x2F)
        }
        segment = text.count
        segmentIsSuspect = false
        return nil
    }

    /// Whether a part of the segment, cut at encoded slashes and before `;`, is a dot segment.
    private func hidesDots() -> Bool {
        var partCount = 0
        var isDots = true
        var isParameter = false
        var index = segment
        while index <= text.count {
            let isEnd = index == text.count
            let isSlash = !isEnd && isEncodedSlash(at: index)
            if isEnd || isSlash || text[index] == 0x3B {
                if isDots, !isParameter, partCount == 1 || partCount == 2 { return true }
                isParameter = !isSlash
                partCount = 0
                isDots = true
            } else {
                if text[index] != 0x2E { isDots = false }
                partCount += 1
            }
            index += isSlash ? 3 : 1
        }
        return false
    }

    private func isEncodedSlash(at index: Int) -> Bool {
        guard text[index] == 0x25, index + 2 < text.count else { return false }
        return (text[index + 1] == 0x32 && text[index + 2] == 0x46)
            || (text[index + 1] == 0x35 && text[index + 2] == 0x43)
    }
}

/// Percent-encoding (RFC 3986 §2.1).
enum PercentEncoding {
    /// The byte that `%XX` at a place stands for, nil when it is broken.
    static func decode(_ bytes: Span<UInt8>, at index: Int) -> UInt8? {
        guard index + 2 < bytes.count else { return nil }
        let high = Octets.hexadecimal(bytes[index + 1])
        let low = Octets.hexadecimal(bytes[index + 2])
        guard high < 16, low < 16 else { return nil }
        return high &<< 4 | low
    }

    /// Writes an unreserved byte as itself and any other as an escape in upper case.
    static func write(_ byte: UInt8, into text: inout [UInt8]) {
        guard !Octets.unreserved.contains(byte) else { return text.append(byte) }
        text.append(0x25)
        text.append(digit(byte &>> 4))
        text.append(digit(byte & 15))
    }

    /// Writes a query with its escapes in their one form.
    static func normalise(_ query: Span<UInt8>, into text: inout [UInt8]) -> Fault? {
        var index = 0
        while index < query.count {
            let byte = query[index]
            if byte == 0x25 {
                guard let decoded = decode(query, at: index) else { return .percentEncoding }
                write(decoded, into: &text)
                index += 2
            } else if Octets.encoding.contains(byte) {
                write(byte, into: &text)
            } else {
                text.append(byte)
            }
            index += 1
        }
        return nil
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x41 + value - 10
    }
}
