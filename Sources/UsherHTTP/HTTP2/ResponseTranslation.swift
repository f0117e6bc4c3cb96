package import NIOCore

/// Writes answers as HTTP/2 header blocks.
package enum ResponseTranslation {
    /// Appends the block of a service's answer: its status and the fields that pass on.
    ///
    /// - Parameters:
    ///   - dropping: known names to leave out.
    ///   - droppingNames: other names to leave out, in lower case.
    package static func write(
        _ head: ResponseHead, dropping: HeaderSet, droppingNames: [[UInt8]], to out: inout ByteBuffer
    ) {
        HPACKWriter.writeStatus(head.status, to: &out)
        // HTTP/2 has no use for the others (RFC 9113 §8.2.2).
        let dropped = dropping.union(.hopByHop)
        let storage = head.bytes
        let fixed = StaticFields.shared
        // An index and two lengths take the place of a colon, white space and a line's end; a long field's numbers take
        // two bytes more.
        out.writeHead(reserving: storage.readableBytes + 4 * head.fields.count) { writer in
            let bytes = storage.readableBytesUInt8Span
            for field in head.fields {
                if dropped.contains(field.id) || field.listedInConnection { continue }
                if !droppingNames.isEmpty, head.isNamed(field, droppingNames, bytes) { continue }
                HPACKWriter.write(
                    name: bytes.extracting(field.name.range(in: bytes.count)), id: field.id,
                    value: bytes.extracting(field.value.range(in: bytes.count)), fixed, to: &writer)
            }
        }
    }

    package static func write(status: Int, to out: inout ByteBuffer) {
        HPACKWriter.writeStatus(status, to: &out)
    }

    /// Appends one field of our own.
    package static func write(_ id: HeaderID, _ name: StaticString, _ value: Span<UInt8>, to out: inout ByteBuffer) {
        out.writeHead(reserving: name.utf8CodeUnitCount + value.count + 8) { writer in
            name.withUTF8Buffer { bytes in
                unsafe HPACKWriter.write(
                    name: bytes.span, id: id, value: value, StaticFields.shared, to: &writer)
            }
        }
    }

    /// The same with a text of ours.
    package static func write(_ id: HeaderID, _ name: StaticString, _ value: StaticString, to out: inout ByteBuffer) {
        value.withUTF8Buffer { unsafe write(id, name, $0.span, to: &out) }
    }

    /// The same with a number.
    package static func write(_ id: HeaderID, _ name: StaticString, decimal number: Int, to out: inout ByteBuffer) {
        var digits = ByteBuffer()
        digits.writeHead(reserving: 20) { $0.write(decimal: number) }
        write(id, name, digits.readableBytesUInt8Span, to: &out)
    }

    /// The same with 32 hexadecimal digits.
    package static func write(
        _ id: HeaderID, _ name: StaticString, hexadecimal high: UInt64, _ low: UInt64, to out: inout ByteBuffer
    ) {
        out.writeHead(reserving: name.utf8CodeUnitCount + 40) { writer in
            name.withUTF8Buffer { bytes in
                unsafe HPACKWriter.writeName(bytes.span, id: id, StaticFields.shared, to: &writer)
            }
            HPACKWriter.writeInteger(32, prefix: 7, 0, to: &writer)
            writer.write(hexadecimal: high)
            writer.write(hexadecimal: low)
        }
    }

    /// Appends fields that are written as lines, each `Name: value` and ended by CR LF.
    package static func write(lines: ByteBuffer, to out: inout ByteBuffer) {
        let fixed = StaticFields.shared
        out.writeHead(reserving: 2 * lines.readableBytes + 16) { writer in
            let bytes = lines.readableBytesUInt8Span
            var position = 0
            while let (name, value, _) = FieldLines.next(bytes, &position) {
                let id = HeaderNames.shared.id(bytes, from: name.lowerBound, count: name.count)
                HPACKWriter.write(
                    name: bytes.extracting(name), id: id, value: bytes.extracting(value), fixed, to: &writer)
            }
        }
    }
}
