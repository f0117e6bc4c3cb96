public import NIOCore

/// What request and response heads have in common: the bytes as received and a table of the fields in them.
public protocol MessageHead: AnyObject {
    /// The head as received, from its first byte through its empty line; slices are offsets into it.
    var bytes: ByteBuffer { get }
    /// The field lines in their order.
    var fields: [HeaderField] { get }
    /// The known names that occur.
    var known: HeaderSet { get }
}

extension MessageHead {
    /// Calls `body` with the bytes of a slice.
    @inlinable
    public func withBytes<Value, Failure: Error>(
        _ slice: ByteSlice, _ body: (Span<UInt8>) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let span = bytes.readableBytesUInt8Span
        return try body(span.extracting(slice.range(in: span.count)))
    }

    /// A slice as text; bytes that are not UTF-8 become replacement characters.
    public func string(_ slice: ByteSlice) -> String {
        let range = slice.range(in: bytes.readableBytes)
        return bytes.getString(at: bytes.readerIndex + range.lowerBound, length: range.count) ?? ""
    }

    /// Whether a slice has exactly these bytes.
    public func equals(_ slice: ByteSlice, _ text: StaticString) -> Bool {
        withBytes(slice) { span in
            guard span.count == text.utf8CodeUnitCount else { return false }
            for index in span.indices {
                guard unsafe span[index] == text.utf8Start[index] else { return false }
            }
            return true
        }
    }

    /// Whether a slice has these bytes without regard to case; the text is in lower case.
    public func equalsIgnoringCase(_ slice: ByteSlice, _ text: StaticString) -> Bool {
        withBytes(slice) { UsherHTTP.equalsIgnoringCase($0, text) }
    }

    /// The first value of a known name.
    @inlinable
    public func slice(of id: HeaderID) -> ByteSlice? {
        guard known.contains(id) else { return nil }
        for field in fields where field.id == id { return field.value }
        return nil
    }

    /// The first value of a name, compared as `HeaderID` does; for known names `slice(of:)` is faster.
    public func first(named name: String) -> ByteSlice? {
        var name = name
        return name.withUTF8 { unsafe first(named: $0.span) }
    }

    /// The first value of a name, given as its bytes.
    public func first(named name: Span<UInt8>) -> ByteSlice? {
        let span = bytes.readableBytesUInt8Span
        for field in fields where field.name.count == name.count {
            if equalsFolded(span.extracting(field.name.range(in: span.count)), name) { return field.value }
        }
        return nil
    }

    /// Copies the field lines that pass on, without the empty line that ends them.
    func copyLines(to out: inout ByteBuffer, dropping: HeaderSet, droppingNames: [[UInt8]]) {
        let bytes = self.bytes
        out.writeHead(reserving: bytes.readableBytes) { writer in
            self.copyFields(
                to: &writer, of: bytes.readableBytesUInt8Span, dropping: dropping, droppingNames: droppingNames)
        }
    }
}
