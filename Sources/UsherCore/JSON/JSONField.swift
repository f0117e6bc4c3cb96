/// Finds one field of a JSON document (RFC 8259) that a stranger sent, without building the document.
///
/// The whole document is checked, and so strictly that nobody can find another value in it: besides what is no JSON,
/// text that is not UTF-8, halves of a surrogate pair (§8.2), and a name that stands twice where the way leads (§4) are
/// refused. Time grows with the document's length alone.
package enum JSONField {
    package enum Outcome: Sendable, Hashable {
        /// A string, a number or a truth value; the string may be empty.
        case found
        /// Nothing is there, or `null`, an object or an array, which have no one text.
        case absent
        /// The document is no JSON, nests deeper than `deepest`, or says twice what was asked for.
        case invalid
    }

    /// Arrays and objects in each other. One bit of a word is kept for each.
    package static let deepest = UInt64.bitWidth

    /// Appends the field's text: a string unescaped, anything else as it is written (`1.0` is not `1`).
    ///
    /// Nothing is appended unless the field is found. `bytes` may be made to hold an escaped name for a while.
    ///
    /// - Parameter keys: the names of the members that lead to the field, compared byte by byte after unescaping; where
    ///   they meet an array, a number without leading zeros counts its elements from 0. Without keys the document is
    ///   the field.
    package static func append(_ keys: [String], of document: Span<UInt8>, to bytes: inout [UInt8]) -> Outcome {
        guard isUTF8(document) else { return .invalid }
        let start = bytes.count
        do throws(JSONFieldReader.Malformed) {
            var reader = JSONFieldReader(keys)
            guard let value = try reader.find(in: document, scratch: &bytes) else { return .absent }
            try value.append(from: document, to: &bytes)
            return .found
        } catch {
            bytes.removeLast(bytes.count - start)
            return .invalid
        }
    }

    private static func isUTF8(_ document: Span<UInt8>) -> Bool {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: document)
            return true
        } catch {
            return false
        }
    }
}
