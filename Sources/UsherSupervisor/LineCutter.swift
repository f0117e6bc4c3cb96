/// Turns the bytes a process writes into whole lines with the process's name in front.
///
/// Bytes are passed as they are, valid UTF-8 or not. A line longer than 16 KiB leaves in pieces of at most that, each
/// on a line of its own, so one process can hold no more than that of memory here.
struct LineCutter: Sendable {
    /// Bytes of a line without prefix and line feed.
    static let longestPiece = 16 * 1024

    private let prefix: [UInt8]
    private var unfinished: [UInt8] = []

    init(name: String) {
        prefix = Array("\(name) | ".utf8)
    }

    /// Takes what was read and appends every line that is complete now to `output`.
    mutating func take(_ bytes: RawSpan, into output: inout [UInt8]) {
        for index in 0..<bytes.byteCount {
            let byte = bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            if byte == UInt8(ascii: "\n") {
                emit(unfinished.count, into: &output)
                continue
            }
            if unfinished.count == Self.longestPiece {
                emit(wholeCharacters(before: byte), into: &output)
            }
            unfinished.append(byte)
        }
    }

    /// The process is gone: what it left without a line feed becomes a line too.
    mutating func finish(into output: inout [UInt8]) {
        guard !unfinished.isEmpty else { return }
        emit(unfinished.count, into: &output)
    }

    private mutating func emit(_ count: Int, into output: inout [UInt8]) {
        output += prefix
        output += unfinished.prefix(count)
        output.append(UInt8(ascii: "\n"))
        unfinished.removeFirst(count)
    }

    /// Where to cut a full piece so that no UTF-8 character is torn: at most three bytes before its end.
    private func wholeCharacters(before next: UInt8) -> Int {
        var cut = unfinished.count
        var following = next
        while following & 0b1100_0000 == 0b1000_0000, cut > unfinished.count - 3 {
            cut -= 1
            following = unfinished[cut]
        }
        return following & 0b1100_0000 == 0b1000_0000 ? unfinished.count : cut
    }
}
