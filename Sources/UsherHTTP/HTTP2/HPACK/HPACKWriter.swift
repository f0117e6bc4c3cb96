import NIOCore

/// Writes header blocks without a table of their own: fields that every peer knows by their index, others literally.
///
/// Nothing is shared between two blocks, so an answer costs the same whatever was sent before, and none can be told
/// from another's length (RFC 7541 §7.1). Strings are not Huffman-coded: a fifth less to send would cost more CPU than
/// sending it.
enum HPACKWriter {
    /// Tells the peer that we keep no table (RFC 7541 §6.3), before the first block; no later setting of the peer's
    /// needs an answer then.
    static func writeTableSizeZero(to out: inout ByteBuffer) {
        out.writeInteger(UInt8(0x20))
    }

    static func writeStatus(_ status: Int, to out: inout ByteBuffer) {
        switch status {
        case 200: out.writeInteger(UInt8(0x88))
        case 204: out.writeInteger(UInt8(0x89))
        case 206: out.writeInteger(UInt8(0x8A))
        case 304: out.writeInteger(UInt8(0x8B))
        case 400: out.writeInteger(UInt8(0x8C))
        case 404: out.writeInteger(UInt8(0x8D))
        case 500: out.writeInteger(UInt8(0x8E))
        default:
            let digits = UInt32(clamping: status)
            out.writeMultipleIntegers(
                UInt8(0x08), UInt8(3), 0x30 + UInt8(truncatingIfNeeded: digits / 100 % 10),
                0x30 + UInt8(truncatingIfNeeded: digits / 10 % 10), 0x30 + UInt8(truncatingIfNeeded: digits % 10))
        }
    }

    /// A field's name and value, the name in any case.
    @inline(__always)
    static func write(
        name: Span<UInt8>, id: HeaderID, value: Span<UInt8>, _ fixed: StaticFields, to writer: inout HeadWriter
    ) {
        writeName(name, id: id, fixed, to: &writer)
        writeInteger(value.count, prefix: 7, 0, to: &writer)
        writer.write(value, 0..<value.count)
    }

    /// What begins a field; its value follows.
    @inline(__always)
    static func writeName(_ name: Span<UInt8>, id: HeaderID, _ fixed: StaticFields, to writer: inout HeadWriter) {
        // What is set in a client must not be kept in a table on the way (RFC 7541 §7.1.3).
        let pattern: UInt8 = id == .setCookie ? 0x10 : 0
        let index = fixed.indices[Int(id.rawValue)]
        // An alias with `_` has the id of the name with `-`, but it is another name.
        if index > 0, !hasUnderscore(name) {
            writeInteger(Int(index), prefix: 4, pattern, to: &writer)
        } else {
            writer.write(byte: pattern)
            writeInteger(name.count, prefix: 7, 0, to: &writer)
            for place in name.indices { writer.write(byte: Octets.lowercased(name[place])) }
        }
    }

    @inline(__always)
    private static func hasUnderscore(_ name: Span<UInt8>) -> Bool {
        for index in name.indices where name[index] == 0x5F { return true }
        return false
    }

    @inline(__always)
    static func writeInteger(_ value: Int, prefix: Int, _ pattern: UInt8, to writer: inout HeadWriter) {
        let mask = (1 &<< prefix) &- 1
        guard value >= mask else { return writer.write(byte: pattern | UInt8(truncatingIfNeeded: value)) }
        writer.write(byte: pattern | UInt8(truncatingIfNeeded: mask))
        var rest = value - mask
        while rest >= 128 {
            writer.write(byte: UInt8(truncatingIfNeeded: rest & 0x7F) | 0x80)
            rest &>>= 7
        }
        writer.write(byte: UInt8(truncatingIfNeeded: rest))
    }
}
