/// The fields that every HPACK peer knows (RFC 7541 Appendix A), by their index from 1 to 61.
struct StaticFields: Sendable {
    static let shared = StaticFields()
    static let count = 61

    /// All names and values one behind the other, and where they stand; by index, of which 0 is none.
    let bytes: [UInt8]
    let names: [ByteSlice]
    let values: [ByteSlice]
    /// By `HeaderID`: the lowest index with that name; 0: there is none.
    let indices: [UInt8]

    private init() {
        var bytes: [UInt8] = []
        var names: [ByteSlice] = [.empty]
        var values: [ByteSlice] = [.empty]
        var indices = [UInt8](repeating: 0, count: 64)
        for (index, (name, value)) in Self.table.enumerated() {
            let start = bytes.count
            bytes += name.withUTF8Buffer { unsafe Array($0) }
            let middle = bytes.count
            bytes += value.withUTF8Buffer { unsafe Array($0) }
            names.append(ByteSlice(from: start, to: middle))
            values.append(ByteSlice(from: middle, to: bytes.count))
            let id = HeaderNames.shared.id(bytes.span, from: start, count: middle - start)
            if id != .other, indices[Int(id.rawValue)] == 0 { indices[Int(id.rawValue)] = UInt8(index + 1) }
        }
        self.bytes = bytes
        self.names = names
        self.values = values
        self.indices = indices
    }

    private static let table: [(name: StaticString, value: StaticString)] = [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
        (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
        (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
        ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
        ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""),
        ("content-length", ""), ("content-location", ""), ("content-range", ""), ("content-type", ""),
        ("cookie", ""), ("date", ""), ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""),
        ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
        ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""),
        ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""),
        ("retry-after", ""), ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""),
        ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ]
}
