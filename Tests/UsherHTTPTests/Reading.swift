import NIOCore

@testable import UsherHTTP

/// What reading a message's head came to, in a form that can be compared.
struct Reading: Equatable, CustomStringConvertible {
    enum Verdict: Equatable {
        case needsMore, complete
        case refused(Int, String)
    }

    var verdict = Verdict.needsMore
    var method = ""
    var version = HTTPVersion.http11
    var target = ""
    var path = ""
    var query: String?
    var authority = ""
    var framing = BodyFraming.none
    var flags: Set<String> = []
    var status = 0
    var reason = ""
    var fields: [String] = []
    /// What was left in the input.
    var rest = ""

    var refusedStatus: Int? {
        if case .refused(let status, _) = verdict { return status }
        return nil
    }

    var description: String {
        "\(verdict) \(method) \(target) \(version) at \(authority), \(framing), \(flags.sorted()), "
            + "\(status) \(reason), \(fields), rest \(rest.debugDescription)"
    }
}

/// Ways to cut a message into the pieces in which it arrives.
enum Cutting {
    /// Whole, in two pieces at every place, and byte by byte.
    static func all(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
        var cuttings: [[ArraySlice<UInt8>]] = [[bytes[...]], bytes.indices.map { bytes[$0...$0] }]
        for index in bytes.indices.dropFirst() { cuttings.append([bytes[..<index], bytes[index...]]) }
        return cuttings
    }
}

/// Reads a request head that arrives in pieces; the same object may be used again and again.
func readRequest(
    _ pieces: [ArraySlice<UInt8>], limits: HeadLimits = HeadLimits(), with head: RequestHead = RequestHead()
) -> Reading {
    head.reset()
    var input = ByteBuffer()
    var reading = Reading()
    for piece in pieces {
        input.writeBytes(piece)
        if reading.verdict == .needsMore { reading.verdict = Reading.Verdict(head.parse(&input, limits: limits)) }
    }
    guard reading.verdict == .complete else { return reading }
    reading.method = head.string(head.methodSlice)
    reading.version = head.version
    reading.target = head.string(head.target)
    reading.path = head.string(head.path)
    reading.query = head.hasQuery ? head.string(head.query) : nil
    reading.authority = head.string(head.authority)
    reading.framing = head.framing
    if head.keepAlive { reading.flags.insert("keep-alive") }
    if head.expectsContinue { reading.flags.insert("expects-continue") }
    if head.upgrade != nil { reading.flags.insert("upgrade") }
    if head.hasEncodedSlash { reading.flags.insert("encoded-slash") }
    reading.fields = describe(head)
    reading.rest = input.getString(at: input.readerIndex, length: input.readableBytes) ?? ""
    return reading
}

/// Reads a response head that arrives in pieces.
func readResponse(
    _ pieces: [ArraySlice<UInt8>], to method: UsherHTTP.Method = .get, limits: HeadLimits = HeadLimits(),
    with head: ResponseHead = ResponseHead()
) -> Reading {
    head.reset()
    var input = ByteBuffer()
    var reading = Reading()
    for piece in pieces {
        input.writeBytes(piece)
        if reading.verdict == .needsMore {
            reading.verdict = Reading.Verdict(head.parse(&input, requestMethod: method, limits: limits))
        }
    }
    guard reading.verdict == .complete else { return reading }
    reading.version = head.version
    reading.status = head.status
    reading.reason = head.string(head.reason)
    reading.framing = head.framing
    if head.keepAlive { reading.flags.insert("keep-alive") }
    reading.fields = describe(head)
    reading.rest = input.getString(at: input.readerIndex, length: input.readableBytes) ?? ""
    return reading
}

extension Reading.Verdict {
    init(_ progress: HeadProgress) {
        switch progress {
        case .needsMore: self = .needsMore
        case .complete: self = .complete
        case .refused(let refusal): self = .refused(refusal.status, refusal.reason)
        }
    }
}

private func describe(_ head: some MessageHead) -> [String] {
    head.fields.map { field in
        let mark = field.listedInConnection ? "!" : ""
        return "\(mark)\(head.string(field.name))=\(head.string(field.value)) [\(field.id)]"
    }
}

/// A message as it is on the wire: LF stands for CRLF in these tables, and `¬` for a bare LF, `®` for a bare CR.
func wire(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\n": bytes += [0x0D, 0x0A]
        case "¬": bytes.append(0x0A)
        case "®": bytes.append(0x0D)
        default: bytes += Array(String(scalar).utf8)
        }
    }
    return bytes
}
