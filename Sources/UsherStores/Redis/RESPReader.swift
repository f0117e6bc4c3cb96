package import NIOCore

/// Reads replies from bytes that come in pieces, wherever those are cut; no byte is looked at twice.
///
/// Strict and bounded, because a port may lead anywhere: a wrong byte, a length out of range and a reply that is larger
/// than anything we ask for are problems, after which the connection is of no more use.
package struct RESPReader {
    /// Aggregates within each other.
    package static let depthMaximum = 8
    /// Of one bulk, without its lines. Unit: bytes.
    package static let bulkMaximum = 1 << 20
    /// Elements of all aggregates of one reply; a map's entry counts twice.
    package static let elementsMaximum = 10_000
    /// Of one line. Unit: bytes.
    package static let lineMaximum = 1 << 14
    /// Of one reply with all that it holds. Unit: bytes.
    package static let replyMaximum = 1 << 21

    /// The first byte of a line.
    enum Kind: UInt8 {
        case simple = 0x2B  // +
        case error = 0x2D  // -
        case integer = 0x3A  // :
        case bulk = 0x24  // $
        case array = 0x2A  // *
        case null = 0x5F  // _
        case boolean = 0x23  // #
        case double = 0x2C  // ,
        case bigNumber = 0x28  // (
        case bulkError = 0x21  // !
        case verbatim = 0x3D  // =
        case map = 0x25  // %
        case set = 0x7E  // ~
        case push = 0x3E  // >
    }

    struct Aggregate {
        var kind: Kind
        var count: Int
        var elements: [RESPValue] = []
    }

    /// What the front of the input turned out to be.
    enum Step {
        case value(RESPValue)
        case opened(Aggregate)
        case payload(Kind, count: Int)
    }

    /// Those that lack elements, the outermost first.
    var open: [Aggregate] = []
    /// The bulk whose bytes are awaited.
    private var payload: (kind: Kind, count: Int)?
    /// Elements that the current reply has announced, and bytes that it has used.
    var elements = 0
    private var bytes = 0
    /// How far the front line was searched for its end.
    private var searched = 0

    package init() {}

    /// Takes the next whole reply, or as much of one as there is.
    ///
    /// - Parameter input: everything that came and was not taken yet.
    /// - Returns: nil when more bytes are needed.
    package mutating func next(_ input: inout ByteBuffer) throws(RESPProblem) -> RESPValue? {
        while let step = try self.step(&input) {
            switch step {
            case .value(let value):
                if let reply = self.completed(by: value) { return reply }
            case .opened(let aggregate):
                self.open.append(aggregate)
            case .payload(let kind, let count):
                self.payload = (kind, count)
            }
        }
        return nil
    }

    /// Adds an element to where it belongs; returns the reply when that was its last.
    private mutating func completed(by element: RESPValue) -> RESPValue? {
        var value = element
        while var innermost = self.open.popLast() {
            innermost.elements.append(value)
            guard innermost.elements.count == innermost.count else {
                self.open.append(innermost)
                return nil
            }
            value = Self.value(of: innermost)
        }
        self.elements = 0
        self.bytes = 0
        return value
    }

    static func value(of aggregate: Aggregate) -> RESPValue {
        switch aggregate.kind {
        case .map: .map(aggregate.elements)
        case .set: .set(aggregate.elements)
        case .push: .push(aggregate.elements)
        default: .array(aggregate.elements)
        }
    }

    private mutating func step(_ input: inout ByteBuffer) throws(RESPProblem) -> Step? {
        if let (kind, count) = self.payload {
            guard input.readableBytes >= count + 2 else { return nil }
            self.payload = nil
            return .value(try self.readPayload(kind, count, &input))
        }
        guard let count = try self.lineLength(input) else { return nil }
        try self.use(count + 2)
        let step = try self.line(input, count)
        input.moveReaderIndex(forwardBy: count + 2)
        return step
    }

    mutating func use(_ count: Int) throws(RESPProblem) {
        self.bytes += count
        guard self.bytes <= Self.replyMaximum else {
            throw RESPProblem("a reply of more than \(Self.replyMaximum) bytes")
        }
    }

    /// Bytes in front of the first CR LF; nil while it has not come.
    private mutating func lineLength(_ input: ByteBuffer) throws(RESPProblem) -> Int? {
        let bytes = input.readableBytesUInt8Span
        guard !bytes.isEmpty else { return nil }
        guard Kind(rawValue: bytes[0]) != nil else {
            throw RESPProblem("a reply that begins with byte \(bytes[0])")
        }
        var index = self.searched
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x0D {
                self.searched = index
                guard index + 1 < bytes.count else { return nil }
                guard bytes[index + 1] == 0x0A else { throw RESPProblem("a carriage return inside a line") }
                self.searched = 0
                return index
            }
            guard byte != 0x0A else { throw RESPProblem("a line feed without a carriage return") }
            guard index < Self.lineMaximum else { throw RESPProblem("a line of more than \(Self.lineMaximum) bytes") }
            index += 1
        }
        self.searched = index
        return nil
    }
}
