public import NIOCore

extension MessageHead {
    /// Appends a slice's bytes.
    @inlinable
    public func copy(_ slice: ByteSlice, to out: inout ByteBuffer) {
        self.withBytes(slice) { span in _ = unsafe out.writeBytes(span.bytes) }
    }
}

extension MessageHead {
    /// Copies the field lines that pass on, by runs of neighbouring lines, without the empty line that ends them.
    ///
    /// Left out: hop-by-hop fields, fields that `Connection` names, `dropping`, and names in `droppingNames`, which
    /// are in
    /// lower case.
    ///
    /// - Parameter bytes: the head's own bytes.
    @inlinable
    public func copyFields(
        to writer: inout HeadWriter, of bytes: Span<UInt8>, dropping: HeaderSet, droppingNames: [[UInt8]]
    ) {
        let dropped = dropping.union(.hopByHop)
        var runStart = 0
        var runEnd = 0
        for field in self.fields {
            let line = field.line.range(in: bytes.count)
            if dropped.contains(field.id) || field.listedInConnection
                || (!droppingNames.isEmpty && self.isNamed(field, droppingNames, bytes))
            {
                writer.write(bytes, runStart..<runEnd)
                runStart = line.upperBound
            } else if runStart == runEnd {
                runStart = line.lowerBound
            }
            runEnd = line.upperBound
        }
        writer.write(bytes, runStart..<runEnd)
    }

    @usableFromInline
    func isNamed(_ field: HeaderField, _ names: [[UInt8]], _ span: Span<UInt8>) -> Bool {
        let name = span.extracting(field.name.range(in: span.count))
        for candidate in names where equalsFolded(name, candidate.span) { return true }
        return false
    }
}
