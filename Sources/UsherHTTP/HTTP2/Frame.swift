import NIOCore

/// The kinds of frames that this codec knows (RFC 9113 §6); others are read over.
enum FrameType: UInt8, Sendable, Hashable {
    case data, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
}

/// What a frame's flags mean (RFC 9113 §6); one bit has two meanings, by the frame's type.
struct FrameFlags: OptionSet, Sendable, Hashable {
    var rawValue: UInt8

    static let endStream = FrameFlags(rawValue: 0x1)
    static let acknowledgement = FrameFlags(rawValue: 0x1)
    static let endHeaders = FrameFlags(rawValue: 0x4)
    static let padded = FrameFlags(rawValue: 0x8)
    static let priority = FrameFlags(rawValue: 0x20)
}

/// The nine bytes before a frame's payload (RFC 9113 §4.1).
package struct FrameHead: Sendable, Hashable {
    static let count = 9
    /// The largest payload that we take: `SETTINGS_MAX_FRAME_SIZE` as it is at the beginning. We never send more.
    package static let largestPayload = 16_384

    /// Of the payload, in bytes.
    var length: Int
    /// Nil: a kind that this codec does not know.
    var type: FrameType?
    var flags: FrameFlags
    /// 0: the connection as a whole.
    var stream: UInt32

    /// Nil when there are fewer than nine bytes.
    @inline(__always)
    init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= Self.count else { return nil }
        length = Int(bytes[0]) &<< 16 | Int(bytes[1]) &<< 8 | Int(bytes[2])
        type = FrameType(rawValue: bytes[3])
        flags = FrameFlags(rawValue: bytes[4])
        // The highest bit means nothing.
        stream =
            UInt32(bytes[5] & 0x7F) &<< 24 | UInt32(bytes[6]) &<< 16 | UInt32(bytes[7]) &<< 8 | UInt32(bytes[8])
    }
}

/// Why a stream or a connection ends (RFC 9113 §7).
package enum HTTP2ErrorCode: UInt32, Sendable, Hashable {
    case noError, protocolError, internalError, flowControlError, settingsTimeout, streamClosed, frameSizeError
    case refusedStream, cancel, compressionError, connectError, enhanceYourCalm, inadequateSecurity, http11Required
}

/// Settings that this codec acts on (RFC 9113 §6.5.2).
enum HTTP2Setting: UInt16, Sendable, Hashable {
    case headerTableSize = 1
    case enablePush, maxConcurrentStreams, initialWindowSize, maxFrameSize, maxHeaderListSize
}

// MARK: Writing

extension ByteBuffer {
    mutating func writeFrameHead(_ type: FrameType, _ flags: FrameFlags = [], stream: UInt32, length: Int) {
        writeMultipleIntegers(
            UInt8(truncatingIfNeeded: length &>> 16), UInt16(truncatingIfNeeded: length), type.rawValue, flags.rawValue,
            stream)
    }

    mutating func writeSettings(_ settings: [(HTTP2Setting, UInt32)]) {
        writeFrameHead(.settings, stream: 0, length: settings.count * 6)
        for (setting, value) in settings { writeMultipleIntegers(setting.rawValue, value) }
    }

    mutating func writeSettingsAcknowledgement() {
        writeFrameHead(.settings, .acknowledgement, stream: 0, length: 0)
    }

    mutating func writePing(_ payload: UInt64, isAcknowledgement: Bool) {
        writeFrameHead(.ping, isAcknowledgement ? .acknowledgement : [], stream: 0, length: 8)
        writeInteger(payload)
    }

    mutating func writeGoAway(lastStream: UInt32, _ code: HTTP2ErrorCode) {
        writeFrameHead(.goAway, stream: 0, length: 8)
        writeMultipleIntegers(lastStream, code.rawValue)
    }

    mutating func writeReset(stream: UInt32, _ code: HTTP2ErrorCode) {
        writeFrameHead(.resetStream, stream: stream, length: 4)
        writeInteger(code.rawValue)
    }

    mutating func writeWindowUpdate(stream: UInt32, increment: Int) {
        writeFrameHead(.windowUpdate, stream: stream, length: 4)
        writeInteger(UInt32(clamping: increment))
    }
}
