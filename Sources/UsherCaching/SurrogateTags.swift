public import UsherHTTP

/// Names that a service gives its answers so that they can be purged together.
public enum SurrogateTags {
    /// Further ones are left out.
    public static let tagsMaximum = 128
    /// Longer ones are left out. Unit: bytes.
    public static let tagLengthMaximum = 256

    /// The distinct tags of `Surrogate-Key`, which are parted by spaces, and of `Cache-Tag`, parted by commas, in their
    /// order and with case.
    public static func read(_ head: ResponseHead) -> [[UInt8]] {
        var tags: [[UInt8]] = []
        var seen: Set<[UInt8]> = []
        for field in head.fields where field.id == .other {
            let isKeys = head.equalsIgnoringCase(field.name, "surrogate-key")
            guard isKeys || head.equalsIgnoringCase(field.name, "cache-tag") else { continue }
            head.withBytes(field.value) { value in
                var start = 0
                while start <= value.count, tags.count < tagsMaximum {
                    var end = start
                    while end < value.count, isKeys ? !Text.isWhiteSpace(value[end]) : value[end] != Text.comma {
                        end += 1
                    }
                    let tag = value.extracting(Text.trimmed(start..<end, value))
                    start = end + 1
                    guard !tag.isEmpty, tag.count <= tagLengthMaximum else { continue }
                    let copy = [UInt8](tag)
                    if seen.insert(copy).inserted { tags.append(copy) }
                }
            }
        }
        return tags
    }
}
