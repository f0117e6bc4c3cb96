package import NIOCore
package import UsherCore

/// The rules of one HTTP/2 connection as its server keeps them (RFC 9113): bytes and calls come in, events and frames
/// go out.
///
/// Phase    | Meaning                                            | Left when
/// ---------|----------------------------------------------------|---------------------------------------
/// preface  | the client's first words are read                  | all 24 bytes came
/// head     | a frame's nine bytes are awaited                   | they came
/// payload  | a whole payload is awaited                         | it came
/// data     | a DATA frame is passed on as it comes              | all of it came
/// skip     | bytes that mean nothing, such as padding, come     | they came
/// over     | the connection has failed, nothing is read         | never
///
/// Every stream is at one of the machine's places, a small number that belongs to it until the event that ends it; so
/// whoever follows the streams can keep them in an array beside it. Control frames are answered here; the owner sends
/// what is in `out`.
///
/// Confinement: owned by one event loop. Never reads a clock.
package struct HTTP2Machine: ~Copyable {
    package struct Configuration: Sendable {
        package var head = HeadLimits()
        /// `SETTINGS_MAX_CONCURRENT_STREAMS`. Default: 100.
        package var streamsMax = 100
        /// What a client may send on one stream before any of it is passed on. Default: 65,535 bytes.
        package var streamWindow = 65_535
        /// The same for all streams together: the most that a connection makes us hold of its requests. Default:
        /// 256 KiB.
        package var connectionWindow = 262_144
        /// Streams that may be reset in ten seconds, by the client or for what it does. Default: 100.
        package var resetsMax = 100
        /// Frames in ten seconds that ask for work and bring nothing. Default: 1,000.
        package var controlMax = 1000

        package init() {}

        /// `SETTINGS_MAX_HEADER_LIST_SIZE`, which counts 32 bytes beside each field.
        var fieldWeightMax: Int { head.head + 32 * head.fields }
        /// Compressed bytes of one header block; no honest one is larger than what it stands for.
        var blockMax: Int { fieldWeightMax }
        var continuationsMax: Int { 4 + blockMax / FrameHead.largestPayload }
    }

    package enum Event {
        /// All input was taken that can be.
        case needsMore
        /// A request has come; its fields are in the block.
        case request(place: Int, hasBody: Bool)
        /// More of a request's body. `consumed` tells when it is used up.
        case body(place: Int, ByteBuffer)
        /// The request is complete; its trailers are in the block when there are some. Where the answer was complete
        /// before, the place is free.
        case bodyEnd(place: Int, hasTrailers: Bool)
        /// The stream is over before its end: the client gave it up, or broke a rule on it. Its place is free.
        case reset(place: Int, HTTP2ErrorCode)
        /// More may be sent: on one stream, or on all of them.
        case windowOpened(place: Int?)
        /// The peer has answered a ping of ours.
        case pingAcknowledged
        /// The connection cannot go on; a GOAWAY is in `out`, and nothing more will be read.
        case failed(HTTP2ErrorCode, StaticReason)
    }

    enum Phase {
        case preface
        case head
        case payload(FrameHead)
        case data(place: Int, remaining: Int, padding: Int, endsStream: Bool)
        case skip(Int)
        case over
    }

    /// A header block whose frames are not all there.
    struct OpenBlock {
        var head: FrameHead
        var bytes: ByteBuffer
        var continuations = 0
    }

    static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    static let prefaceCount = 24
    static let largestWindow = 0x7FFF_FFFF
    /// 32 settings, of which a dozen are known to anybody; a full frame would have 2,730.
    static let largestSettings = 32 * 6
    /// What stands around a block in a HEADERS frame at most: the padding's length, a priority, the padding.
    static let largestHeadersPadding = 1 + 5 + 255
    /// In bytes. A receiver may tell of each of our frames twice, for the stream and for the connection, and its
    /// windows may cut them as short as twice this on the average.
    static let updateCost = 128
    private static let updateCreditMax = 1024 * updateCost
    /// 4 KiB.
    private static let leastWindow = 4096
    /// Windows as they are before any setting (RFC 9113 §6.9.2).
    static let initialWindow = 65_535

    let configuration: Configuration
    var phase = Phase.preface
    var decoder = HPACKDecoder()
    var table = StreamTable()
    var block: OpenBlock?
    /// The peer's first frame must be its settings.
    var hasSettings = false
    /// The highest stream that the client has opened, and the highest one that was taken.
    var highestStream: UInt32 = 0
    var lastStream: UInt32 = 0
    /// The client was told that no more streams are taken.
    var takesNoMore = false
    var failure: (HTTP2ErrorCode, StaticReason)?

    // What we may send.
    var sendWindow = HTTP2Machine.initialWindow
    var peerInitialWindow = HTTP2Machine.initialWindow
    package internal(set) var hasWrittenBlock = false

    // What the peer may send.
    var receiveWindow = HTTP2Machine.initialWindow
    var uncredited = 0

    // Floods.
    var resets = FloodCounter()
    var control = FloodCounter()
    /// What WINDOW_UPDATE frames may cost before they count as a flood: each byte of DATA that we send gives reason for
    /// a part of one, and a request for two; a few come before either.
    var updateCredit = 16 * HTTP2Machine.updateCost

    package init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    /// Our side of the preface.
    package mutating func begin(_ out: inout ByteBuffer) {
        out.writeSettings([
            (.maxConcurrentStreams, UInt32(clamping: configuration.streamsMax)),
            (.initialWindowSize, UInt32(clamping: configuration.streamWindow)),
            (.maxHeaderListSize, UInt32(clamping: configuration.fieldWeightMax)),
        ])
        let more = configuration.connectionWindow - receiveWindow
        if more > 0 {
            out.writeWindowUpdate(stream: 0, increment: more)
            receiveWindow += more
        }
    }

    // MARK: Looking

    /// Streams that are open or half closed.
    package var streamCount: Int { table.count }

    /// The client's preface has come.
    package var hasBegun: Bool {
        if case .preface = phase { false } else { true }
    }

    /// The client has begun a request's head, or its first words, and not ended it.
    package var isInsideHead: Bool {
        if block != nil { return true }
        switch phase {
        case .preface: return true
        case .payload(let head): return head.type == .headers
        case .head, .data, .skip, .over: return false
        }
    }

    /// Hardly anything more can come: streams that wait for their replicas have used the connection's window up.
    package var isWindowUsedUp: Bool { receiveWindow < Self.leastWindow }

    // MARK: Reading

    /// Takes frames off the input until one means something to the owner; call again until it says `needsMore`.
    ///
    /// - Parameters:
    ///   - fields: where the fields of requests and trailers are written, until the next call.
    ///   - out: where frames of our own are appended.
    package mutating func next(
        _ input: inout ByteBuffer, _ fields: inout FieldBlock, _ out: inout ByteBuffer, now: MonotonicTime
    ) -> Event {
        while true {
            if let (code, reason) = failure {
                failure = nil
                return end(code, reason, &out)
            }
            switch phase {
            case .preface:
                switch Self.preface(input) {
                case .whole:
                    input.moveReaderIndex(forwardBy: Self.prefaceCount)
                    phase = .head
                case .possible: return .needsMore
                case .no: return end(.protocolError, "no preface of HTTP/2", &out)
                }
            case .head:
                guard let head = FrameHead(input.readableBytesUInt8Span) else { return .needsMore }
                input.moveReaderIndex(forwardBy: FrameHead.count)
                if let event = begin(head, &out, now) { return event }
            case .payload(let head):
                if head.type == .data {
                    guard let padding = input.readInteger(as: UInt8.self) else { return .needsMore }
                    if let event = beginData(head, padding: Int(padding), &out, now) { return event }
                    continue
                }
                guard let payload = input.readSlice(length: head.length) else { return .needsMore }
                phase = .head
                if let event = take(head, payload, &fields, &out, now) { return event }
            case .data(let place, let remaining, let padding, let endsStream):
                if remaining > 0 { return readData(place, remaining, padding, endsStream, &input) }
                phase = padding > 0 ? .skip(padding) : .head
                if endsStream, let event = endData(place, &out, now) { return event }
            case .skip(let count):
                let there = min(count, input.readableBytes)
                input.moveReaderIndex(forwardBy: there)
                guard there == count else {
                    phase = .skip(count - there)
                    return .needsMore
                }
                phase = .head
            case .over:
                input.moveReaderIndex(forwardBy: input.readableBytes)
                return .needsMore
            }
        }
    }

    package enum PrefaceMatch: Sendable { case whole, possible, no }

    /// Whether a connection's first bytes are those of HTTP/2 (RFC 9113 §3.4).
    package static func preface(_ input: ByteBuffer) -> PrefaceMatch {
        let bytes = input.readableBytesUInt8Span
        let count = min(bytes.count, prefaceCount)
        for index in 0..<count {
            guard unsafe bytes[index] == preface.utf8Start[index] else { return .no }
        }
        return count == prefaceCount ? .whole : .possible
    }

    // MARK: Failing

    /// The connection ends: says so to the peer, with the highest stream that was looked at.
    mutating func end(_ code: HTTP2ErrorCode, _ reason: StaticReason, _ out: inout ByteBuffer) -> Event {
        phase = .over
        block = nil
        out.writeGoAway(lastStream: lastStream, code)
        return .failed(code, reason)
    }

    /// Counts something that costs us and brings nothing.
    mutating func noteControl(_ now: MonotonicTime) {
        if control.note(nowNanoseconds: now.nanoseconds) > configuration.controlMax {
            failure = (.enhanceYourCalm, "too many frames that ask for nothing")
        }
    }

    mutating func allowUpdates(for cost: Int) {
        updateCredit = min(updateCredit + cost, Self.updateCreditMax)
    }

    mutating func noteReset(_ now: MonotonicTime) {
        if resets.note(nowNanoseconds: now.nanoseconds) > configuration.resetsMax {
            failure = (.enhanceYourCalm, "too many streams that were reset")
        }
    }
}
