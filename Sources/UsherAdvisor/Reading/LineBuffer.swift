internal import Glibc

/// Cuts a stream of bytes into lines, in one buffer that is used again and again.
package struct LineBuffer {
    /// Longer lines are passed over. Unit: bytes.
    package static let lineLengthMax = 65_536

    /// What `next` found.
    package enum Line {
        /// Where it lies in `bytes`, without its end.
        case line(Range<Int>)
        /// One that is too long to be a log's.
        case tooLong
    }

    package var bytes: [UInt8] = []
    /// Up to here everything has been given out.
    private var position = 0
    /// In the middle of a line that is too long.
    private var isSkipping = false

    package init() {}

    /// Places that `next` gave stand for nothing behind this call.
    package mutating func dropLines() {
        bytes.removeSubrange(..<position)
        position = 0
    }

    package mutating func append(_ chunk: some Collection<UInt8>) {
        bytes.append(contentsOf: chunk)
    }

    /// The next line that is there as a whole; empty ones are passed over.
    ///
    /// - Parameter isEnd: nothing follows, so the last line needs no end of its own.
    package mutating func next(isEnd: Bool = false) -> Line? {
        while position < bytes.count {
            let end = lineEnd
            guard let end = end ?? (isEnd ? bytes.count : nil) else {
                guard bytes.count - position > Self.lineLengthMax else { return nil }
                // What was read of it is not kept; only its end is of interest.
                position = bytes.count
                defer { isSkipping = true }
                return isSkipping ? nil : .tooLong
            }
            let line = position..<end
            position = min(end + 1, bytes.count)
            if isSkipping {
                isSkipping = false
                continue
            }
            guard line.count <= Self.lineLengthMax else { return .tooLong }
            let isCarriageReturn = line.last.map { bytes[$0] == 0x0D } ?? false
            let text = isCarriageReturn ? line.dropLast() : line
            if !text.isEmpty { return .line(text) }
        }
        // A stream that ended in the middle of such a line begins anew with the next one.
        if isEnd { isSkipping = false }
        return nil
    }

    private var lineEnd: Int? {
        bytes.withUnsafeBytes { all in
            guard let base = all.baseAddress else { return nil }
            return memchr(base + position, 0x0A, all.count - position).map { UnsafeRawPointer($0) - base }
        }
    }
}
