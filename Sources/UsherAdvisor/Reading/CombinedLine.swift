/// Reads lines of the combined format and of what servers put around it.
///
///     [HOST] CLIENT IDENT USER [TIME] "METHOD TARGET PROTOCOL" STATUS BYTES "REFERER" "USER-AGENT" …
///
/// What follows is known by its look: a number is the time that the answer took (seconds when it has a point,
/// microseconds when not), `rt=0.1` the same; words like `fr-FR,fr;q=0.9` are Accept-Language, `a=b; c=d` cookies.
struct CombinedLine {
    private let line: Range<Int>
    private var position: Int
    private var entry = LogEntry()

    private init(_ line: Range<Int>) {
        self.line = line
        position = line.lowerBound
    }

    static func read(_ bytes: inout [UInt8], _ line: Range<Int>, _ clients: inout ClientReader) -> LogEntry? {
        var reader = CombinedLine(line)
        guard reader.readHead(bytes, &clients), reader.readRequest(&bytes), reader.readAnswer(bytes) else { return nil }
        reader.readRest(&bytes, &clients)
        return reader.entry.isUsable(in: bytes) ? reader.entry : nil
    }

    // MARK: Parts of a line

    private mutating func readHead(_ bytes: [UInt8], _ clients: inout ClientReader) -> Bool {
        let first = word(bytes)
        entry.client = clients.read(bytes, first)
        if entry.client == nil {
            // Some write the virtual host before the client.
            entry.client = clients.read(bytes, word(bytes))
            if entry.client == nil { position = first.upperBound } else { entry.host = withoutPort(bytes, first) }
        }
        // IDENT and USER; a user's name may have spaces.
        guard let bracket = bytes.find(UInt8(ascii: "["), in: position..<line.upperBound) else { return false }
        _ = word(bytes)
        let user = trimmed(bytes, min(position, bracket)..<bracket)
        if !isDash(bytes, user) { entry.identity = user }
        guard let close = bytes.find(UInt8(ascii: "]"), in: bracket..<line.upperBound) else { return false }
        entry.minute = LogTime.minute(bytes, bracket + 1..<close)
        position = close + 1
        return true
    }

    private mutating func readRequest(_ bytes: inout [UInt8]) -> Bool {
        skipSpaces(bytes)
        guard let request = quoted(&bytes) else { return false }
        return RequestLine.read(bytes, request, into: &entry)
    }

    private mutating func readAnswer(_ bytes: [UInt8]) -> Bool {
        let status = word(bytes)
        guard status.count == 3, let number = bytes.number(status) else { return false }
        entry.status = number
        // `-` is how many write that there was no body.
        let count = word(bytes)
        entry.bytes = bytes.number(count) ?? (isDash(bytes, count) ? 0 : nil)
        return true
    }

    private mutating func readRest(_ bytes: inout [UInt8], _ clients: inout ClientReader) {
        var quotes = 0
        while true {
            skipSpaces(bytes)
            guard position < line.upperBound else { return }
            guard bytes[position] == UInt8(ascii: "\"") else {
                take(number: word(bytes), bytes)
                continue
            }
            guard let text = quoted(&bytes) else { return }
            defer { quotes += 1 }
            guard !isDash(bytes, text) else { continue }
            switch quotes {
            // The referer says where somebody was, not what they want.
            case 0: continue
            case 1: entry.userAgent = text
            default: take(extra: text, bytes, &clients)
            }
        }
    }

    private mutating func take(number word: Range<Int>, _ bytes: [UInt8]) {
        guard entry.microseconds == nil else { return }
        var number = word
        if let sign = bytes.find(UInt8(ascii: "="), in: word) {
            let name = word.lowerBound..<sign
            guard bytes.equals("rt", name) || bytes.equals("request_time", name) || bytes.equals("duration", name)
            else { return }
            number = sign + 1..<word.upperBound
        }
        let hasPoint = bytes.find(UInt8(ascii: "."), in: number) != nil
        entry.microseconds = hasPoint ? bytes.millionths(number) : bytes.number(number)
    }

    private mutating func take(extra text: Range<Int>, _ bytes: [UInt8], _ clients: inout ClientReader) {
        if entry.language.isEmpty, looksLikeLanguages(bytes, text) {
            entry.language = text
        } else if let address = clients.read(bytes, text) {
            // X-Forwarded-For; anybody can send one, so it counts only behind a proxy.
            if entry.client?.isInside ?? true { entry.client = address }
        } else if entry.microseconds == nil, let time = bytes.millionths(text) {
            entry.microseconds = time
        } else if entry.cookies.isEmpty, bytes.find(UInt8(ascii: "="), in: text) != nil {
            entry.cookies = text
        } else if entry.tag.isEmpty, text.count >= 4, bytes.begins(with: "W/", text) || bytes[text.lowerBound] == 0x22 {
            entry.tag = text
        }
    }

    // MARK: Pieces

    private mutating func skipSpaces(_ bytes: [UInt8]) {
        while position < line.upperBound, bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
    }

    /// What comes up to the next space.
    private mutating func word(_ bytes: [UInt8]) -> Range<Int> {
        skipSpaces(bytes)
        let start = position
        while position < line.upperBound, bytes[position] != 0x20 { position += 1 }
        return start..<position
    }

    /// What stands between quotes, with escapes undone where it stands.
    private mutating func quoted(_ bytes: inout [UInt8]) -> Range<Int>? {
        guard position < line.upperBound, bytes[position] == 0x22 else { return nil }
        let start = position + 1
        var index = start
        var isEscaped = false
        while index < line.upperBound, bytes[index] != 0x22 {
            if bytes[index] == 0x5C {
                isEscaped = true
                index += 1
            }
            index += 1
        }
        guard index < line.upperBound else { return nil }
        position = index + 1
        return isEscaped ? Unescaping.combined(&bytes, start..<index) : start..<index
    }

    private func isDash(_ bytes: [UInt8], _ place: Range<Int>) -> Bool {
        place.isEmpty || (place.count == 1 && bytes[place.lowerBound] == UInt8(ascii: "-"))
    }

    private func trimmed(_ bytes: [UInt8], _ place: Range<Int>) -> Range<Int> {
        var place = place
        while let last = place.last, bytes[last] == 0x20 { place.removeLast() }
        while let first = place.first, bytes[first] == 0x20 { place.removeFirst() }
        return place
    }

    private func withoutPort(_ bytes: [UInt8], _ place: Range<Int>) -> Range<Int> {
        let colon = place.last { bytes[$0] == UInt8(ascii: ":") }
        guard let colon, bytes.number(colon + 1..<place.upperBound) != nil else { return place }
        return place.lowerBound..<colon
    }

    /// `fr`, `pt-BR`, `fr-FR,fr;q=0.9,*;q=0.1`.
    private func looksLikeLanguages(_ bytes: [UInt8], _ place: Range<Int>) -> Bool {
        let letters = place.prefix { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[$0]) }.count
        // A word of three letters could be anything; before a subtag, a list or a weight it is a language.
        guard letters == 2 || (letters == 3 && place.count > 3) || bytes[place.lowerBound] == UInt8(ascii: "*") else {
            return false
        }
        return place.dropFirst(letters).allSatisfy { index in
            let byte = bytes[index]
            return (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 <= 9 || ",;=.-* ".utf8.contains(byte)
        } && (place.count == letters || ",;-*".utf8.contains(bytes[place.lowerBound + letters]))
    }
}

/// `METHOD TARGET PROTOCOL`, as a log's `request` has it.
enum RequestLine {
    static func read(_ bytes: [UInt8], _ place: Range<Int>, into entry: inout LogEntry) -> Bool {
        guard let first = bytes.find(0x20, in: place) else { return false }
        // The target may have spaces when somebody sent it so; the protocol has none.
        var last = place.upperBound - 1
        while last > first, bytes[last] != 0x20 { last -= 1 }
        guard last > first, bytes.begins(with: "HTTP/", last + 1..<place.upperBound) else { return false }
        entry.method = place.lowerBound..<first
        entry.setTarget(first + 1..<last, in: bytes)
        return true
    }
}
