/// Reads header blocks (RFC 7541 §3, §6), whose fields refer to those of earlier blocks on the same connection.
///
/// A block that is too large is read on all the same, as long as it is within reason: only then does the table stay
/// what the peer thinks.
struct HPACKDecoder {
    enum Fault: Error {
        /// Not what an encoder may write; the connection has no common table any more.
        case malformed
        /// It stands for many times more than anybody may send: a bomb, and not worth reading to its end.
        case tooLarge
    }

    /// `SETTINGS_HEADER_TABLE_SIZE` as it is at the beginning; we never say another.
    static let tableSize = 4096

    private let fixed = StaticFields.shared
    private let huffman = HuffmanTable.shared
    private var table = DynamicFields(largest: tableSize)

    /// Reads one whole block into `fields`, which was begun with its limits.
    mutating func decode(_ block: Span<UInt8>, into fields: inout FieldBlock) throws(Fault) {
        var position = 0
        var sizeUpdates = 0
        var isBeginning = true
        while position < block.count {
            guard !fields.isBeyondReason else { throw .tooLarge }
            let first = block[position]
            if first & 0x80 != 0 {
                try addIndexed(Self.integer(block, &position, prefix: 7), to: &fields)
            } else if first & 0xC0 == 0x40 {
                try addLiteral(block, &position, prefix: 6, isKept: true, to: &fields)
            } else if first & 0xE0 == 0x20 {
                // At the front only, and two at most: the smallest size meanwhile and the last one (§4.2).
                sizeUpdates += 1
                let size = try Self.integer(block, &position, prefix: 5)
                guard isBeginning, sizeUpdates <= 2, size <= Self.tableSize else { throw .malformed }
                table.resize(to: size)
                continue
            } else {
                // Without indexing, or never indexed: the same for us (§6.2.2, §6.2.3).
                try addLiteral(block, &position, prefix: 4, isKept: false, to: &fields)
            }
            isBeginning = false
        }
    }

    // MARK: Fields

    private mutating func addIndexed(_ index: Int, to fields: inout FieldBlock) throws(Fault) {
        guard index > StaticFields.count else {
            guard index > 0 else { throw .malformed }
            let all = fixed.bytes.span
            return fields.add(
                name: all.extracting(fixed.names[index].range(in: all.count)),
                value: all.extracting(fixed.values[index].range(in: all.count)))
        }
        guard let places = table.places(at: index - StaticFields.count - 1) else { throw .malformed }
        let all = table.bytes.span
        fields.add(name: all.extracting(places.name), value: all.extracting(places.value))
    }

    private mutating func addLiteral(
        _ block: Span<UInt8>, _ position: inout Int, prefix: Int, isKept: Bool, to fields: inout FieldBlock
    ) throws(Fault) {
        let index = try Self.integer(block, &position, prefix: prefix)
        let start = fields.end
        if index == 0 {
            try addString(block, &position, to: &fields)
        } else if index <= StaticFields.count {
            fields.append(fixed.bytes.span.extracting(fixed.names[index].range(in: fixed.bytes.count)))
        } else if let places = table.places(at: index - StaticFields.count - 1) {
            fields.append(table.bytes.span.extracting(places.name))
        } else {
            throw .malformed
        }
        let middle = fields.end
        try addString(block, &position, to: &fields)
        if isKept {
            // From the copy, for adding may evict the entry that the name came from (§4.4).
            let bytes = fields.bytes.span
            table.add(
                name: bytes.extracting(start..<middle), value: bytes.extracting(middle..<bytes.count))
        }
        fields.addField(from: start, middle)
    }

    private func addString(
        _ block: Span<UInt8>, _ position: inout Int, to fields: inout FieldBlock
    ) throws(Fault) {
        guard position < block.count else { throw .malformed }
        let isHuffman = block[position] & 0x80 != 0
        let count = try Self.integer(block, &position, prefix: 7)
        guard count <= block.count - position else { throw .malformed }
        let text = block.extracting(position..<(position + count))
        position += count
        if isHuffman {
            guard fields.appendHuffman(text, huffman) else { throw .malformed }
        } else {
            fields.append(text)
        }
    }

    // MARK: Integers

    /// An integer whose first bits are the last `prefix` of the byte at `position` (§5.1); at most 2^28 or so, which no
    /// length and no index that means something reaches.
    @inline(__always)
    static func integer(_ bytes: Span<UInt8>, _ position: inout Int, prefix: Int) throws(Fault) -> Int {
        guard position < bytes.count else { throw .malformed }
        let mask = (1 &<< prefix) &- 1
        let first = Int(bytes[position]) & mask
        position += 1
        guard first == mask else { return first }
        var value = mask
        var shift = 0
        while position < bytes.count, shift <= 21 {
            let byte = bytes[position]
            position += 1
            value += Int(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        throw .malformed
    }
}
