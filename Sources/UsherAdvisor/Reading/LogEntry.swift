package import UsherCore

/// What one line of an access log tells of its request; texts as places in the bytes that were read.
package struct LogEntry: Sendable {
    /// Empty: the log does not say.
    package typealias Place = Range<Int>

    package var method: Place = 0..<0
    /// Without query and fragment.
    package var path: Place = 0..<0
    /// Without the question mark.
    package var query: Place = 0..<0
    package var host: Place = 0..<0
    package var identity: Place = 0..<0
    package var language: Place = 0..<0
    package var userAgent: Place = 0..<0
    /// The client's country, where the server that wrote the log knew it.
    package var country: Place = 0..<0
    /// The whole `Cookie` field.
    package var cookies: Place = 0..<0
    /// What tells one answer from another for certain: an entity tag or a hash of the body.
    package var tag: Place = 0..<0
    /// Fields of the user's own; those behind `headerCount` are empty.
    var headers = InlineArray<4, LoggedHeader>(repeating: LoggedHeader())
    private(set) var headerCount = 0
    package var client: IPAddress?
    /// Nil: the log does not say.
    package var status: Int?
    /// Of the answer.
    package var bytes: Int?
    /// The bytes count the answer's head, too, whose length depends on more than the answer.
    package var countsHead = false
    package var microseconds: Int?
    /// Minutes since some beginning; nil: the log does not say.
    package var minute: Int?

    package init() {}
}

extension LogEntry {
    /// Parts a request's target where its query begins; of an absolute one the host is taken as well.
    mutating func setTarget(_ target: Place, in bytes: [UInt8]) {
        var start = target.lowerBound
        if start < target.upperBound, bytes[start] != UInt8(ascii: "/"),
            let authority = bytes.find("://", in: start..<min(start + 8, target.upperBound))
        {
            let slash = bytes.find(UInt8(ascii: "/"), in: authority + 3..<target.upperBound) ?? target.upperBound
            host = authority + 3..<slash
            start = slash
        }
        let end = bytes.find(UInt8(ascii: "#"), in: start..<target.upperBound) ?? target.upperBound
        let mark = bytes.find(UInt8(ascii: "?"), in: start..<end)
        path = start..<(mark ?? end)
        if let mark { query = mark + 1..<end }
    }

    mutating func add(_ header: LoggedHeader) {
        guard headerCount < LoggedHeader.countMax else { return }
        headers[headerCount] = header
        headerCount += 1
    }

    /// Whether enough is known to say anything of the request.
    func isUsable(in bytes: [UInt8]) -> Bool {
        guard !path.isEmpty, status != nil, (1...20).contains(method.count) else { return false }
        return bytes[method].allSatisfy {
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == 0x2D || $0 == 0x5F
        }
    }
}
