/// Reads lines that are one JSON object each: Usher's own, and those of other servers by the names of `LogName`.
///
/// Looks at names and plain values only, at any depth, and takes the first that says something; of a list it takes the
/// first text. Broken objects are refused as far as quotes and brackets tell.
struct JSONLine {
    private var entry = LogEntry()
    private var forwardedFor: Range<Int>?
    /// Of the member whose value comes next: a name that is known, or a header of the user's own.
    private var name: LogName?
    private var header: Range<Int>?

    static func read(_ bytes: inout [UInt8], _ line: Range<Int>, _ clients: inout ClientReader) -> LogEntry? {
        var reader = JSONLine()
        guard reader.scan(&bytes, line, &clients) else { return nil }
        if let place = reader.forwardedFor, reader.entry.client?.isInside ?? true {
            reader.entry.client = clients.read(bytes, place) ?? reader.entry.client
        }
        return reader.entry.isUsable(in: bytes) ? reader.entry : nil
    }

    private mutating func scan(_ bytes: inout [UInt8], _ line: Range<Int>, _ clients: inout ClientReader) -> Bool {
        var depth = 0
        var index = line.lowerBound
        while index < line.upperBound {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""):
                guard let (text, isEscaped) = Self.string(bytes, index + 1..<line.upperBound) else { return false }
                index = text.upperBound + 1
                while index < line.upperBound, bytes[index] == 0x20 { index += 1 }
                if index < line.upperBound, bytes[index] == UInt8(ascii: ":") {
                    name = LogName.find(bytes, text)
                    header = name == nil ? LoggedHeader.place(bytes, text) : nil
                    index += 1
                } else if name != nil || header != nil {
                    take(isEscaped ? Unescaping.json(&bytes, text) : text, bytes, &clients)
                }
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                let start = index
                while index < line.upperBound, Self.isInNumber(bytes[index]) { index += 1 }
                take(start..<index, bytes, &clients)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                if byte == UInt8(ascii: "{") { (name, header) = (nil, nil) }
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                (name, header) = (nil, nil)
                index += 1
                guard depth > 0 else { return depth == 0 && Self.isBlank(bytes, index..<line.upperBound) }
            default:
                index += 1
            }
        }
        return false
    }

    private mutating func take(_ value: Range<Int>, _ bytes: [UInt8], _ clients: inout ClientReader) {
        defer { (name, header) = (nil, nil) }
        guard !value.isEmpty, value.count > 1 || bytes[value.lowerBound] != UInt8(ascii: "-") else { return }
        if let header { entry.add(LoggedHeader(name: header, value: value)) }
        guard let name else { return }
        switch name {
        case .method: if entry.method.isEmpty { entry.method = value }
        case .target: if entry.path.isEmpty { entry.setTarget(value, in: bytes) }
        case .query: if entry.query.isEmpty { entry.query = value }
        case .requestLine: if entry.path.isEmpty { _ = RequestLine.read(bytes, value, into: &entry) }
        case .host: if entry.host.isEmpty { entry.host = value }
        case .client: entry.client = entry.client ?? clients.read(bytes, value)
        case .forwardedFor: forwardedFor = value
        case .status: entry.status = entry.status ?? bytes.number(value)
        case .identity: if entry.identity.isEmpty { entry.identity = value }
        case .userAgent: if entry.userAgent.isEmpty { entry.userAgent = value }
        case .language: if entry.language.isEmpty { entry.language = value }
        case .country: if entry.country.isEmpty { entry.country = value }
        case .cookies: if entry.cookies.isEmpty { entry.cookies = value }
        case .tag: if entry.tag.isEmpty { entry.tag = value }
        case .time: entry.minute = entry.minute ?? LogTime.minute(bytes, value)
        case .duration(let unit): entry.microseconds = entry.microseconds ?? Self.microseconds(bytes, value, unit)
        case .bytes(let withHead):
            guard entry.bytes == nil || (entry.countsHead && !withHead), let count = bytes.number(value) else { return }
            (entry.bytes, entry.countsHead) = (count, withHead)
        }
    }

    // MARK: Pieces

    /// The text up to its closing quote.
    @inline(__always)
    private static func string(_ bytes: [UInt8], _ rest: Range<Int>) -> (Range<Int>, isEscaped: Bool)? {
        var index = rest.lowerBound
        var isEscaped = false
        while index < rest.upperBound {
            let byte = bytes[index]
            if byte == 0x22 { return (rest.lowerBound..<index, isEscaped) }
            if byte == 0x5C {
                isEscaped = true
                index += 1
            }
            index += 1
        }
        return nil
    }

    private static func isInNumber(_ byte: UInt8) -> Bool {
        byte &- 0x30 <= 9 || "+-.eE".utf8.contains(byte)
    }

    private static func isBlank(_ bytes: [UInt8], _ place: Range<Int>) -> Bool {
        place.allSatisfy { bytes[$0] == 0x20 || bytes[$0] == 0x09 }
    }

    private static func microseconds(_ bytes: [UInt8], _ value: Range<Int>, _ unit: LogName.Unit) -> Int? {
        guard let millionths = bytes.millionths(value) else { return nil }
        switch unit {
        case .seconds: return millionths
        case .milliseconds: return millionths / 1000
        case .microseconds: return millionths / 1_000_000
        case .nanoseconds: return millionths / 1_000_000_000
        case .guessed: return bytes.find(UInt8(ascii: "."), in: value) == nil ? millionths / 1000 : millionths
        }
    }
}
