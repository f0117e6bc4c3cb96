/// One field line of a head, as places in the head's bytes.
public struct HeaderField: Sendable, Hashable {
    /// The name as it was written.
    public var name: ByteSlice
    /// The value without the white space around it.
    public var value: ByteSlice
    /// Length of the whole line with its CRLF, in bytes.
    @usableFromInline var lineCount: UInt32
    /// Which known name it is.
    public var id: HeaderID
    /// Whether `Connection` names this field, so that it must not pass on.
    public var listedInConnection: Bool

    /// The whole line with its CRLF.
    @inlinable public var line: ByteSlice { ByteSlice(start: name.start, count: lineCount) }
}
