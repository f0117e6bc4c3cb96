package import NIOCore

/// Commands as a server reads them: an array of bulks.
extension ByteBuffer {
    package mutating func writeCommand(_ words: [String]) {
        self.writeCommandStart(wordCount: words.count)
        for word in words { self.writeWord(word.utf8.span) }
    }

    /// As many words must follow.
    package mutating func writeCommandStart(wordCount: Int) {
        self.writeInteger(UInt8(ascii: "*"))
        self.writeDecimal(UInt64(wordCount))
        self.writeStaticString("\r\n")
    }

    package mutating func writeWord(_ word: Span<UInt8>) {
        self.writeWordStart(count: word.count)
        self.writeBytes(word.bytes)
        self.writeStaticString("\r\n")
    }

    package mutating func writeWord(decimal number: UInt64) {
        self.writeWordStart(count: Self.decimalWidth(number))
        self.writeDecimal(number)
        self.writeStaticString("\r\n")
    }

    /// As many bytes must follow, and then CR LF.
    package mutating func writeWordStart(count: Int) {
        self.writeInteger(UInt8(ascii: "$"))
        self.writeDecimal(UInt64(count))
        self.writeStaticString("\r\n")
    }

    private mutating func writeDecimal(_ number: UInt64) {
        let width = Self.decimalWidth(number)
        let start = self.writerIndex
        self.writeRepeatingByte(UInt8(ascii: "0"), count: width)
        var rest = number
        var index = start + width
        while rest > 0 {
            index -= 1
            self.setInteger(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10), at: index)
            rest /= 10
        }
    }

    private static func decimalWidth(_ number: UInt64) -> Int {
        var width = 1
        var rest = number / 10
        while rest > 0 {
            width += 1
            rest /= 10
        }
        return width
    }
}
