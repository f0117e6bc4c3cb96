/// Cuts the text of a list before lines that begin an entry, so that each piece is a list of its own.
///
/// A cut is a line that begins with `- ` in the first column. YAML can have such a line inside a quoted text or behind
/// an anchor that a later piece refers to; then a piece is no YAML and the file is refused, but never read another way.
/// Lines that begin or end a document would change what is around them, so a text with one is a single piece.
struct CredentialPieces: Sequence {
    struct Piece {
        var text: String
        /// In the pieces before.
        var linesBefore: Int
    }

    /// A piece is cut at the first place behind so many bytes, which are some 4,000 entries.
    static let pieceSize = 1 << 18

    private let bytes: [UInt8]
    private let isWhole: Bool

    init(_ text: String) {
        bytes = Array(text.utf8)
        isWhole = bytes.count <= Self.pieceSize || Self.hasDocumentMark(bytes)
    }

    func makeIterator() -> Iterator {
        Iterator(bytes: bytes, size: isWhole ? bytes.count : Self.pieceSize)
    }

    struct Iterator: IteratorProtocol {
        let bytes: [UInt8]
        let size: Int
        private var start = 0
        private var lines = 0

        init(bytes: [UInt8], size: Int) {
            self.bytes = bytes
            self.size = size
        }

        /// Pieces of comments and empty lines alone are left out: YAML has no value in them.
        mutating func next() -> Piece? {
            while start < bytes.count {
                let part = bytes[start..<end()]
                let piece = Piece(text: String(decoding: part, as: UTF8.self), linesBefore: lines)
                start = part.endIndex
                lines += lineBreaks(in: part)
                if hasContent(part) { return piece }
            }
            return nil
        }

        private func end() -> Int {
            guard bytes.count - start > size else { return bytes.count }
            var index = start + size
            while let feed = bytes[index...].firstIndex(of: UInt8(ascii: "\n")) {
                index = feed + 1
                if bytes[index...].starts(with: [UInt8(ascii: "-"), UInt8(ascii: " ")]) { return index }
            }
            return bytes.count
        }

        /// YAML ends a line at LF, CR, or both together.
        private func lineBreaks(in part: ArraySlice<UInt8>) -> Int {
            var count = 0
            var last: UInt8 = 0
            for byte in part {
                if byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") && last != UInt8(ascii: "\r") { count += 1 }
                last = byte
            }
            return count
        }

        private func hasContent(_ part: ArraySlice<UInt8>) -> Bool {
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            let text = part.starts(with: mark) ? part.dropFirst(mark.count) : part
            return text.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.contains { line in
                guard let first = line.first(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else {
                    return false
                }
                return first != UInt8(ascii: "#")
            }
        }
    }

    /// Whether a line begins with `---`, `...` or `%`.
    private static func hasDocumentMark(_ bytes: [UInt8]) -> Bool {
        var isLineStart = true
        for (index, byte) in bytes.enumerated() {
            if isLineStart {
                if byte == UInt8(ascii: "%") { return true }
                let isMark = byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                if isMark, bytes[index...].prefix(3).elementsEqual([byte, byte, byte]) { return true }
            }
            isLineStart = byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
        }
        return false
    }
}
