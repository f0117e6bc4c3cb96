import UsherCore
import UsherHTTP

/// What templates and the router read of a request's head alone.
struct HeadSource: TemplateSource, RouteSubject {
    private let head: RequestHead

    init(_ head: RequestHead) { self.head = head }

    // MARK: For the router

    func withHost<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        self.head.withBytes(self.head.authority) { authority in
            body(authority.extracting(first: Self.hostCount(authority)))
        }
    }

    func withPath<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        self.head.withBytes(self.head.path) { path in body(path) }
    }

    func withMethod<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        self.head.withBytes(self.head.methodSlice) { method in body(method) }
    }

    func headerEquals(name: [UInt8], value: [UInt8]) -> Bool {
        self.head.fields.contains { field in
            Int(field.name.count) == name.count && self.equals(field.value, value)
                && self.head.withBytes(field.name) { bytes in Self.equalsFolded(bytes, name) }
        }
    }

    private func equals(_ slice: ByteSlice, _ value: [UInt8]) -> Bool {
        self.head.withBytes(slice) { bytes in
            guard bytes.count == value.count else { return false }
            for index in bytes.indices where bytes[index] != value[index] { return false }
            return true
        }
    }

    /// Letter case does not count; `name` is in lower case.
    private static func equalsFolded(_ bytes: Span<UInt8>, _ name: [UInt8]) -> Bool {
        guard bytes.count == name.count else { return false }
        for index in bytes.indices where asciiLowercase(bytes[index]) != name[index] { return false }
        return true
    }

    /// Length of the host in `host:port`; the colons of an IPv6 address stand in brackets.
    private static func hostCount(_ authority: Span<UInt8>) -> Int {
        var index = authority.count - 1
        while index >= 0 {
            let byte = authority[index]
            if byte == UInt8(ascii: ":") { return index }
            guard byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") else { return authority.count }
            index -= 1
        }
        return authority.count
    }

    // MARK: For templates

    /// False as well for everything that is not in the head.
    func append(_ variable: Template.Variable, to bytes: inout [UInt8]) -> Bool {
        switch variable {
        case .method: return self.append(self.head.methodSlice, to: &bytes)
        case .host:
            return self.withHost { host in
                bytes.append(host)
                return !host.isEmpty
            }
        case .path: return self.append(self.head.path, to: &bytes)
        case .pathSegment(let number): return self.appendSegment(number, to: &bytes)
        case .query(let name):
            return self.appendPair(name, of: self.head.query, separator: "&", decodes: true, to: &bytes)
        case .header(let name):
            guard let value = self.head.first(named: name) else { return false }
            return self.append(value, to: &bytes)
        case .cookie(let name):
            for field in self.head.fields where field.id == .cookie {
                if self.appendPair(name, of: field.value, separator: ";", decodes: false, to: &bytes) { return true }
            }
            return false
        case .sourceAddress, .destinationAddress, .route, .service, .identity, .class, .claim, .body: return false
        }
    }

    private func append(_ slice: ByteSlice, to bytes: inout [UInt8]) -> Bool {
        self.head.withBytes(slice) { span in bytes.append(span) }
        return !slice.isEmpty
    }

    /// `{path.1}`: the first segment.
    private func appendSegment(_ number: Int, to bytes: inout [UInt8]) -> Bool {
        self.head.withBytes(self.head.path) { path in
            var start = 0
            var segment = 0
            while segment < number, start < path.count {
                if path[start] == UInt8(ascii: "/") { segment += 1 }
                start += 1
            }
            guard segment == number else { return false }
            var end = start
            while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
            bytes.append(path.extracting(start..<end))
            return end > start
        }
    }

    /// The value of `name=value` in a list; in a query `+` and `%XX` are decoded.
    private func appendPair(
        _ name: String, of slice: ByteSlice, separator: Unicode.Scalar, decodes: Bool, to bytes: inout [UInt8]
    ) -> Bool {
        let separator = UInt8(ascii: separator)
        return self.head.withBytes(slice) { list in
            var start = 0
            while start < list.count {
                while start < list.count, list[start] == UInt8(ascii: " ") { start += 1 }
                var end = start
                while end < list.count, list[end] != separator { end += 1 }
                if let value = Self.value(of: name, in: list.extracting(start..<end)) {
                    Self.append(list.extracting(start + value..<end), decodes: decodes, to: &bytes)
                    return true
                }
                start = end + 1
            }
            return false
        }
    }

    /// Where the value begins; nil when this is another name's pair.
    private static func value(of name: String, in pair: Span<UInt8>) -> Int? {
        let wanted = name.utf8.span
        guard pair.count > wanted.count, pair[wanted.count] == UInt8(ascii: "=") else { return nil }
        for index in wanted.indices where pair[index] != wanted[index] { return nil }
        return wanted.count + 1
    }

    private static func append(_ value: Span<UInt8>, decodes: Bool, to bytes: inout [UInt8]) {
        var index = 0
        while index < value.count {
            let byte = value[index]
            index += 1
            guard decodes else {
                bytes.append(byte)
                continue
            }
            if byte == UInt8(ascii: "%"), index + 1 < value.count, let high = Self.nibble(value[index]),
                let low = Self.nibble(value[index + 1])
            {
                bytes.append(high << 4 | low)
                index += 2
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension Template {
    /// `HeadSource` knows all that it asks for.
    var readsHeadOnly: Bool {
        self.parts.allSatisfy { part in
            guard case .variables(let variables) = part else { return true }
            return variables.allSatisfy { variable in
                switch variable {
                case .method, .host, .path, .pathSegment, .query, .header, .cookie: true
                case .sourceAddress, .destinationAddress, .route, .service, .identity, .class, .claim, .body: false
                }
            }
        }
    }
}
