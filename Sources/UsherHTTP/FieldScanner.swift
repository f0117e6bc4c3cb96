/// What a scanner has to say when it stops.
enum ScanStep: Equatable {
    case needsMore, done
    case refused(Fault)
}

/// Finds field lines, one after the other, up to and with the empty line that ends them (RFC 9112 §5).
///
/// State        | Meaning                                  | Left when
/// -------------|------------------------------------------|---------------------------------------
/// lineStart    | a line begins                            | any byte comes
/// name         | inside a name                            | a colon comes
/// value        | behind the colon                         | CR comes
/// lineFeed     | behind a line's CR                       | LF comes: the line is given out
/// lastLineFeed | behind the CR of the empty line          | LF comes: the section is complete
struct FieldScanner {
    enum Event {
        case field(HeaderField)
        case end
        case needsMore
        case refused(Fault)
    }

    private enum Phase: UInt8 {
        case lineStart, name, value, lineFeed, lastLineFeed
    }

    /// Kept here, because finding a shared object costs a call.
    private let names = HeaderNames.shared
    private var phase = Phase.lineStart
    private var lineStart = 0
    private var nameEnd = 0

    mutating func reset() {
        phase = .lineStart
    }

    /// Looks on from `position`, which moves behind the last byte that was looked at.
    ///
    /// A line that is there as a whole is read in one go, from state to state without another choice between them.
    @inline(__always)
    mutating func next(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> Event {
        switch phase {
        case .lineStart:
            guard position < end else { return .needsMore }
            lineStart = position
            guard bytes[position] != Octets.carriageReturn else {
                position &+= 1
                phase = .lastLineFeed
                return lastLineFeed(bytes, &position, end: end)
            }
            phase = .name
            fallthrough
        case .name:
            position = Octets.endOfToken(bytes, from: position, to: end)
            guard position < end else { return .needsMore }
            guard bytes[position] == 0x3A, position > lineStart else { return .refused(badName(bytes, position)) }
            nameEnd = position
            position &+= 1
            phase = .value
            fallthrough
        case .value:
            while true {
                position = Octets.firstControl(bytes, from: position, to: end)
                guard position < end else { return .needsMore }
                let byte = bytes[position]
                guard byte == Octets.carriageReturn || byte == Octets.tab else { return .refused(.controlInValue) }
                position &+= 1
                if byte == Octets.carriageReturn { break }
            }
            phase = .lineFeed
            fallthrough
        case .lineFeed:
            guard position < end else { return .needsMore }
            guard bytes[position] == Octets.lineFeed else { return .refused(.bareReturn) }
            position &+= 1
            phase = .lineStart
            return .field(field(bytes, lineEnd: position))
        case .lastLineFeed:
            return lastLineFeed(bytes, &position, end: end)
        }
    }

    @inline(__always)
    private func lastLineFeed(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> Event {
        guard position < end else { return .needsMore }
        guard bytes[position] == Octets.lineFeed else { return .refused(.bareReturn) }
        position &+= 1
        return .end
    }

    @inline(__always)
    private func field(_ bytes: Span<UInt8>, lineEnd: Int) -> HeaderField {
        var start = nameEnd &+ 1
        var end = lineEnd &- 2
        while start < end, isWhiteSpace(bytes[start]) { start &+= 1 }
        while end > start, isWhiteSpace(bytes[end &- 1]) { end &-= 1 }
        return HeaderField(
            name: ByteSlice(from: lineStart, to: nameEnd), value: ByteSlice(from: start, to: end),
            lineCount: UInt32(truncatingIfNeeded: lineEnd &- lineStart),
            id: names.id(bytes, from: lineStart, count: nameEnd &- lineStart), listedInConnection: false)
    }

    @inline(__always)
    private func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == Octets.space || byte == Octets.tab
    }

    @inline(never)
    private func badName(_ bytes: Span<UInt8>, _ position: Int) -> Fault {
        switch bytes[position] {
        case Octets.space, Octets.tab:
            position == lineStart ? .foldedLine : .whiteSpaceInName
        case Octets.lineFeed: .bareLineFeed
        case 0x3A: .emptyName
        default: .malformedName
        }
    }
}
