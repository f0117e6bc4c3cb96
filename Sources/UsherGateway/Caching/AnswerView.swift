import UsherCaching
import UsherCore
import UsherHTTP
import UsherTransport

/// An answer of a cache, before it is known what a client gets of it.
struct AnswerView {
    var status: Int
    var bytes: [UInt8]
    var lines: Range<Int>
    /// A body that is short enough to be sent with the head; empty: there is none, or it comes in pieces.
    var smallBody: Range<Int>
    /// Of the body; nil: not known yet.
    var length: Int?
    var hasBody: Bool
    /// Unit: seconds.
    var age: Int
    /// It comes from the service at this moment.
    var isNew: Bool

    struct Sent {
        var head: StoredHead
        /// Which bytes of the body are sent.
        var window: Range<Int>
        /// Where they lie behind the head, when they do.
        var smallBody: Range<Int>
    }

    private static let conditions = HeaderSet().with(.ifNoneMatch).with(.ifModifiedSince).with(.range)
    /// What a 304 tells (RFC 9110 §15.4.5).
    private static let notModifiedFields: Set<String> = [
        "cache-control", "content-location", "date", "etag", "expires", "vary", "last-modified",
    ]

    /// What a request gets: the whole, a part (RFC 9110 §14), or that nothing has changed (§13).
    ///
    /// - Parameter hasWhole: a part of it may be given, because the whole is there or will be.
    func answer(to request: RequestHead, hasWhole: Bool) -> Sent {
        let isHead = request.method == .head
        var head = StoredHead(
            status: self.status, bytes: self.bytes, lines: self.lines, length: self.length,
            hasBody: self.hasBody && !isHead && self.status != 204 && self.status != 304)
        // Whoever sees `Age` takes the answer for one of a cache (RFC 9111 §5.1).
        head.age = self.isNew && self.age == 0 ? nil : self.age
        let whole = Sent(head: head, window: 0..<(self.length ?? .max), smallBody: isHead ? 0..<0 : self.smallBody)
        guard !request.known.isDisjoint(with: Self.conditions), self.status == 200 else { return whole }
        let lines = self.bytes.span.extracting(self.lines)
        if Precondition.judge(request, lines: lines, unixReceived: WallClock.seconds - self.age) == .notModified {
            return self.notModified(head)
        }
        guard hasWhole, !isHead, let length = self.length, Precondition.ifRangeHolds(request, lines: lines) else {
            return whole
        }
        switch ByteRange.read(request, length: length) {
        case .whole: return whole
        case .part(let range):
            head.status = 206
            head.part = (range, length)
            head.length = range.count
            let small =
                self.smallBody.isEmpty
                ? self.smallBody
                : (self.smallBody.lowerBound + range.lowerBound)..<(self.smallBody.lowerBound + range.upperBound)
            return Sent(head: head, window: range, smallBody: small)
        case .unsatisfiable:
            head.status = 416
            head.part = (nil, length)
            head.length = 0
            head.hasBody = false
            return Sent(head: head, window: 0..<0, smallBody: 0..<0)
        }
    }

    private func notModified(_ head: StoredHead) -> Sent {
        var head = head
        head.status = 304
        head.hasBody = false
        head.length = nil
        let lines = self.bytes.span.extracting(self.lines)
        var kept: [UInt8] = []
        var position = 0
        while let line = FieldLines.next(lines, &position) {
            let name = String(decoding: line.name.map { asciiLowercase(lines[$0]) }, as: UTF8.self)
            if Self.notModifiedFields.contains(name) { kept += line.whole.map { lines[$0] } }
        }
        head.bytes = kept
        head.lines = 0..<kept.count
        return Sent(head: head, window: 0..<0, smallBody: 0..<0)
    }
}
