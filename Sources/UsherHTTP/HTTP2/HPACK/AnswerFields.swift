/// Reads the header blocks of answers, for a client that wants the status and a field or two.
///
/// Blocks must come in the connection's order, all of them: later ones refer to what earlier ones held.
package struct AnswerFields: ~Copyable {
    /// An answer's list may weigh so much; what is beyond is not looked at. 64 KiB.
    private static let weightMax = 65_536
    private static let fieldsMax = 200

    private var decoder = HPACKDecoder()
    private var fields = FieldBlock()

    package init() {}

    /// Takes a whole block; false when it is none, and then the connection is of no more use.
    package mutating func read(_ block: Span<UInt8>) -> Bool {
        fields.begin(weightMax: Self.weightMax, fieldsMax: Self.fieldsMax)
        do {
            try decoder.decode(block, into: &fields)
            return true
        } catch {
            return false
        }
    }

    /// The status of the block that was read last, 100 to 999; nil when it has none, as trailers have not.
    package var status: Int? {
        var status: Int?
        forEach(named: ":status") { value in
            guard value.count == 3, value[0] > 0x30 else { return }
            var number = 0
            for index in value.indices {
                guard Octets.isDigit(value[index]) else { return }
                number = number * 10 + Int(value[index] &- 0x30)
            }
            status = number
        }
        return status
    }

    /// Calls `body` with the values of a name, in lower case, in the block that was read last.
    package func forEach(named name: StaticString, _ body: (Span<UInt8>) -> Void) {
        let all = fields.bytes.span
        for field in fields.fields where field.name.count == name.utf8CodeUnitCount {
            if equalsIgnoringCase(all.extracting(field.name.range(in: all.count)), name) {
                body(all.extracting(field.value.range(in: all.count)))
            }
        }
    }
}
