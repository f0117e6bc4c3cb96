internal import NIOCore

/// The kinds of frames that a client meets (RFC 9113 §6); others are read over.
enum ClientFrame: UInt8 {
    case data, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation

    static let headCount = 9
    /// The largest payload that we take and send: `SETTINGS_MAX_FRAME_SIZE` as it is at the beginning.
    static let largestPayload = 16_384
    static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    static let endStream: UInt8 = 0x1
    static let acknowledgement: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4
    static let padded: UInt8 = 0x8
    static let priorityFlag: UInt8 = 0x20

    /// What stands before a payload.
    struct Head {
        var length: Int
        /// Nil: a kind that is read over.
        var type: ClientFrame?
        var flags: UInt8
        /// 0: the connection as a whole.
        var stream: UInt32
    }
}

extension ByteBuffer {
    mutating func writeFrameHead(_ type: ClientFrame, flags: UInt8 = 0, stream: UInt32, length: Int) {
        writeMultipleIntegers(
            UInt8(truncatingIfNeeded: length >> 16), UInt16(truncatingIfNeeded: length), type.rawValue, flags, stream)
    }

    mutating func writeWindowUpdate(stream: UInt32, _ increment: Int) {
        writeFrameHead(.windowUpdate, stream: stream, length: 4)
        writeInteger(UInt32(clamping: increment))
    }

    mutating func writeReset(stream: UInt32, code: UInt32) {
        writeFrameHead(.resetStream, stream: stream, length: 4)
        writeInteger(code)
    }

    /// Takes the next frame's head off the front, once its whole payload is there, too.
    mutating func readFrameHead() -> ClientFrame.Head? {
        let start = readerIndex
        guard readableBytes >= ClientFrame.headCount,
            let (high, low, type, flags, stream) = readMultipleIntegers(
                as: (UInt8, UInt16, UInt8, UInt8, UInt32).self)
        else { return nil }
        let length = Int(high) << 16 | Int(low)
        // One that is too long is shown, so that it can be refused.
        guard readableBytes >= length || length > ClientFrame.largestPayload else {
            moveReaderIndex(to: start)
            return nil
        }
        return .init(length: length, type: ClientFrame(rawValue: type), flags: flags, stream: stream & 0x7FFF_FFFF)
    }

    // MARK: HPACK

    /// A whole field that every peer knows (RFC 7541 §6.1).
    mutating func writeIndexedField(_ index: UInt8) {
        writeInteger(0x80 | index)
    }

    /// A field whose name every peer knows, kept in no table (RFC 7541 §6.2.2). The index is below 15.
    mutating func writeField(nameIndex: UInt8, value: String) {
        writeInteger(nameIndex)
        writeHPACKLength(value.utf8.count)
        writeString(value)
    }

    /// - Parameter name: in lower case.
    mutating func writeField(name: String, value: String) {
        writeInteger(UInt8(0))
        writeHPACKLength(name.utf8.count)
        writeString(name)
        writeHPACKLength(value.utf8.count)
        writeString(value)
    }

    /// The length of a string that is not Huffman-coded (RFC 7541 §5.1, §5.2).
    mutating func writeHPACKLength(_ length: Int) {
        guard length >= 127 else {
            writeInteger(UInt8(truncatingIfNeeded: length))
            return
        }
        writeInteger(UInt8(127))
        var rest = length - 127
        while rest >= 128 {
            writeInteger(UInt8(truncatingIfNeeded: rest & 0x7F) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(truncatingIfNeeded: rest))
    }
}
