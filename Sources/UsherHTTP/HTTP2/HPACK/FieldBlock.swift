/// The fields of one header block in plain bytes, names and values one behind the other; reused from block to block.
package struct FieldBlock: ~Copyable {
    /// One field, as places in the block's bytes.
    struct Field {
        var name: ByteSlice
        var value: ByteSlice
    }

    private(set) var bytes: [UInt8] = []
    private(set) var fields: [Field] = []
    /// What the list weighs: names, values, and 32 for each field (RFC 9113 §6.5.2).
    private(set) var weight = 0
    /// The list is heavier, or has more fields, than it may: what came after that was read over, so that the table
    /// which both sides share stays right.
    private(set) var isTooLarge = false
    /// It is heavier than any honest mistake.
    var isBeyondReason: Bool { weight > Self.reason * weightMax }
    private var weightMax = 0
    private var fieldsMax = 0

    /// How many times more than it may weigh a list is followed.
    private static let reason = 4
    /// Storage above this many bytes is given back.
    private static let largestKept = 65_536

    package init() {}

    mutating func begin(weightMax: Int, fieldsMax: Int) {
        if bytes.capacity > Self.largestKept { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
        fields.removeAll(keepingCapacity: true)
        weight = 0
        isTooLarge = false
        self.weightMax = weightMax
        self.fieldsMax = fieldsMax
    }

    // MARK: Adding

    /// Where the next bytes will stand.
    var end: Int { bytes.count }

    mutating func append(_ span: Span<UInt8>) {
        unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func appendHuffman(_ span: Span<UInt8>, _ table: HuffmanTable) -> Bool {
        table.decode(span, to: &bytes)
    }

    /// The bytes from `start` to `middle` are a field's name, those from there to the end its value.
    mutating func addField(from start: Int, _ middle: Int) {
        weigh(bytes.count - start)
        // Once one had no room, no other has.
        if weight > weightMax || fields.count >= fieldsMax { isTooLarge = true }
        guard !isTooLarge else { return bytes.removeLast(bytes.count - start) }
        fields.append(
            Field(name: ByteSlice(from: start, to: middle), value: ByteSlice(from: middle, to: bytes.count)))
    }

    /// Adds a copy of a field. Bombs are made of these, a byte each: once there is no room any more nothing is copied.
    mutating func add(name: Span<UInt8>, value: Span<UInt8>) {
        guard !isTooLarge else { return weigh(name.count + value.count) }
        let start = end
        append(name)
        let middle = end
        append(value)
        addField(from: start, middle)
    }

    private mutating func weigh(_ count: Int) { weight += count + 32 }
}
