import NIOCore

/// The first line of a head.
protocol StartLine {
    static var isRequest: Bool { get }
    /// How many bytes the line may have with its CRLF.
    static func bound(_ limits: HeadLimits) -> Int
    static var tooLong: Fault { get }

    init()
    var version: HTTPVersion { get }
    mutating func reset()
    mutating func scan(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> ScanStep
}

/// Reads a start line, fields and the empty line, from any cutting of the input with the same result.
///
/// Faults are found in the order of the bytes, so what is refused and why does not depend on how the bytes arrive.
/// Every byte is scanned once; a line's own meaning is read once more when the line is complete.
struct HeadParser<Line: StartLine> {
    /// Input is copied in portions of this many bytes when a head arrives in parts, so that a body behind it is not.
    static var portion: Int { 2048 }

    private(set) var line = Line()
    private(set) var facts = FieldFacts()
    private var fieldScanner = FieldScanner()
    private var isPastLine = false
    /// Bytes of the head that were read.
    private(set) var position = 0
    /// How the head ended, once it has.
    private(set) var outcome: ScanStep?
    /// Bytes that scanning looked at, for the test that the work is linear. Lines count twice, for their second look.
    private(set) var examined = 0

    mutating func reset() {
        line.reset()
        facts = FieldFacts()
        fieldScanner.reset()
        isPastLine = false
        position = 0
        outcome = nil
    }

    /// Refuses what was read so far for a fault that is not in the bytes themselves.
    mutating func refuse(_ fault: Fault) -> HeadProgress {
        outcome = .refused(fault)
        return .refused(fault.refusal)
    }

    /// Takes the head's bytes from the input's front into `bytes`, and its field lines into `fields`.
    mutating func take(
        _ input: inout ByteBuffer, into bytes: inout ByteBuffer, fields: inout [HeaderField], limits: HeadLimits
    ) -> ScanStep {
        if let outcome { return outcome }
        if bytes.readableBytes == 0 {
            // Whole heads, the usual case, are read where they lie and copied once.
            let step = scan(input.readableBytesUInt8Span, &fields, limits)
            bytes.append(input.readableBytesUInt8Span.extracting(0..<position))
            input.moveReaderIndex(forwardBy: position)
            return step
        }
        while input.readableBytes > 0 {
            let held = position
            let portion = min(input.readableBytes, Self.portion)
            bytes.append(input.readableBytesUInt8Span.extracting(0..<portion))
            let step = scan(bytes.readableBytesUInt8Span, &fields, limits)
            bytes.moveWriterIndex(to: bytes.readerIndex + position)
            input.moveReaderIndex(forwardBy: position - held)
            guard step == .needsMore else { return step }
        }
        return .needsMore
    }

    @inline(__always)
    private mutating func scan(_ bytes: Span<UInt8>, _ fields: inout [HeaderField], _ limits: HeadLimits) -> ScanStep {
        let start = position
        var index = position
        let step = scan(bytes, &index, &fields, limits)
        position = index
        examined &+= index &- start
        if step != .needsMore { outcome = step }
        return step
    }

    @inline(__always)
    private mutating func scan(
        _ bytes: Span<UInt8>, _ index: inout Int, _ fields: inout [HeaderField], _ limits: HeadLimits
    ) -> ScanStep {
        let headLimit = min(max(0, limits.head), HeadLimits.largestHead)
        if !isPastLine {
            let bound = min(headLimit, Line.bound(limits))
            let step = line.scan(bytes, &index, end: min(bytes.count, bound))
            guard step == .done else {
                return step == .needsMore && index == bound ? .refused(Line.tooLong) : step
            }
            isPastLine = true
            examined &+= index
        }
        let end = min(bytes.count, headLimit)
        while true {
            switch fieldScanner.next(bytes, &index, end: end) {
            case .field(let field):
                guard fields.count < limits.fields else { return .refused(.tooManyFields) }
                examined &+= Int(field.lineCount)
                let fault = facts.note(field, bytes, version: line.version, isRequest: Line.isRequest)
                if let fault { return .refused(fault) }
                fields.append(field)
            case .end:
                if let fault = facts.finish(&fields, bytes) { return .refused(fault) }
                return .done
            case .needsMore:
                return index == headLimit ? .refused(.headTooLarge) : .needsMore
            case .refused(let fault):
                return .refused(fault)
            }
        }
    }
}
