public import UsherCore

/// Which hosts a route matches; case and port do not count.
public enum HostPattern: Sendable, Hashable, CustomStringConvertible {
    /// Lower-case name or address; IPv6 in brackets.
    case exact(String)
    /// `*.example.com`, any depth below: holds `example.com` in lower case.
    case below(String)

    public init(text: String) throws(TextProblem) {
        let lower = text.lowercased()
        if lower.hasPrefix("*.") {
            let suffix = String(lower.dropFirst(2))
            guard ReplicaAddress.isHostName(suffix) else {
                throw TextProblem("'\(shown(text))' is not a host; write it like *.example.com")
            }
            self = .below(suffix)
            return
        }
        if lower.hasPrefix("["), lower.hasSuffix("]"), lower.utf8.contains(UInt8(ascii: ":")) {
            guard let address = IPAddress(text: lower.dropFirst().dropLast()), !address.isV4 else {
                throw TextProblem("'\(shown(text))' is not an IPv6 address in brackets")
            }
            self = .exact("[\(address)]")
            return
        }
        guard !lower.contains(":") else {
            throw TextProblem("'\(shown(text))' has a port or a scheme; hosts are matched without them")
        }
        guard ReplicaAddress.isHostName(lower) || IPAddress(text: lower) != nil else {
            throw TextProblem("'\(shown(text))' is not a host; write it like api.example.com or *.example.com")
        }
        self = .exact(lower)
    }

    public var description: String {
        switch self {
        case .exact(let host): host
        case .below(let suffix): "*.\(suffix)"
        }
    }
}

/// Which canonical paths a route matches.
public enum PathPattern: Sendable, Hashable, CustomStringConvertible {
    case exact(String)
    /// `/v1/*`: `/v1` and everything below it; holds `/v1`, or nothing for `/*`.
    case prefix(String)

    /// Brings the text to the form in which paths are compared: RFC 3986 §6.2.2, as requests are.
    public init(text: String) throws(TextProblem) {
        guard text.hasPrefix("/") else { throw TextProblem("'\(shown(text))' must begin with /") }
        let isPrefix = text.hasSuffix("/*")
        let path = isPrefix ? String(text.dropLast(2)) : text
        guard !path.utf8.contains(UInt8(ascii: "*")) else {
            throw TextProblem("'\(shown(text))' has a * elsewhere than in /* at its end")
        }
        let canonical = try Self.canonical(path, of: text)
        self = isPrefix ? .prefix(canonical) : .exact(canonical)
    }

    public var description: String {
        switch self {
        case .exact(let path): path
        case .prefix(let path): path + "/*"
        }
    }

    /// Percent-encodes what cannot stand in a path, decodes what need not be encoded, refuses what no request can have.
    static func canonical(_ path: String, of text: String) throws(TextProblem) -> String {
        let bytes = Array(path.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "\\"), 0...0x20, 0x7F:
                throw TextProblem("'\(shown(text))' has a space, ?, #, \\ or control character, which no path has")
            case UInt8(ascii: "%"):
                guard index + 2 < bytes.count, let high = hexadecimal(bytes[index + 1]),
                    let low = hexadecimal(bytes[index + 2]), high | low != 0
                else { throw TextProblem("'\(shown(text))' has a % that is not %01 to %FF") }
                appendUnreserved(high << 4 | low, to: &result)
                index += 2
            case 0x80...,
                _ where #""<>^`{|}"#.utf8.contains(byte):
                appendUnreserved(byte, to: &result)
            default:
                result.append(byte)
            }
            index += 1
        }
        let segments = result.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard !segments.contains(where: { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }) else {
            throw TextProblem("'\(shown(text))' has a . or .. segment, which is taken out of every request's path")
        }
        let slash = UInt8(ascii: "/")
        guard !zip(result, result.dropFirst()).contains(where: { $0 == slash && $1 == slash }),
            text.utf8.count == path.utf8.count || result.last != slash
        else { throw TextProblem("'\(shown(text))' has an empty segment, which is taken out of every request's path") }
        return String(decoding: result, as: UTF8.self)
    }

    /// The byte itself when it needs no encoding (RFC 3986 §2.3), else %XX in upper case.
    private static func appendUnreserved(_ byte: UInt8, to result: inout [UInt8]) {
        let isUnreserved =
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "-._~".utf8.contains(byte)
            }
        let digits = Array("0123456789ABCDEF".utf8)
        result += isUnreserved ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map(UInt8.init)
    }
}
