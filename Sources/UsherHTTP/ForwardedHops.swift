public import UsherCore

/// One hop of a request as a proxy told it.
public struct ForwardedHop: Sendable, Hashable {
    /// Where the hop's request came from; nil when that cannot be read: `unknown`, a pseudonym, or no address at all.
    public var address: IPAddress?
    /// What the proxy says of the connection; nil when it says nothing. Only `Forwarded` has it.
    public var isSecure: Bool?

    public init(address: IPAddress?, isSecure: Bool? = nil) {
        self.address = address
        self.isSecure = isSecure
    }
}

/// The hops that `Forwarded` (RFC 7239), else `X-Forwarded-For`, tells of, the nearest one first.
///
/// Read backwards, because every proxy adds behind what it got: what a client invented lies on the left, and cannot
/// change how the right is read. Commas inside quotes do not part hops; an escaped quote may make one hop of several,
/// which is then unreadable and so ends whoever walks here.
public struct ForwardedHops: IteratorProtocol {
    /// More hops than this are not read.
    public static let most = 32

    private let head: RequestHead
    private let id: HeaderID
    /// The next field to look for, counted down.
    private var fieldIndex: Int
    /// What is left of the current field.
    private var rest = ByteSlice.empty
    private var count = 0

    public init(_ head: RequestHead) {
        self.head = head
        id = head.known.contains(.forwarded) ? .forwarded : .xForwardedFor
        fieldIndex = head.known.contains(id) ? head.fields.count : 0
    }

    public mutating func next() -> ForwardedHop? {
        guard count < Self.most else { return nil }
        while true {
            while let element = takeElement() {
                guard !element.isEmpty else { continue }
                count += 1
                return head.withBytes(element) { id == .forwarded ? Self.forwarded($0) : Self.listed($0) }
            }
            guard takeField() else { return nil }
        }
    }

    private mutating func takeField() -> Bool {
        while fieldIndex > 0 {
            fieldIndex -= 1
            let field = head.fields[fieldIndex]
            if field.id == id {
                rest = field.value
                return true
            }
        }
        return false
    }

    /// The last element of what is left, without white space around it; nil when nothing is left.
    private mutating func takeElement() -> ByteSlice? {
        guard !rest.isEmpty else { return nil }
        let whole = rest
        let isQuotable = id == .forwarded
        let (element, remaining) = head.withBytes(whole) { bytes in
            var start = bytes.count
            var isQuoted = false
            while start > 0, isQuoted || bytes[start - 1] != 0x2C {
                start -= 1
                if isQuotable, bytes[start] == 0x22 { isQuoted.toggle() }
            }
            return (Self.trimmed(start..<bytes.count, bytes), max(0, start - 1))
        }
        rest = ByteSlice(start: whole.start, count: UInt32(truncatingIfNeeded: remaining))
        return ByteSlice(
            start: whole.start + UInt32(truncatingIfNeeded: element.lowerBound),
            count: UInt32(truncatingIfNeeded: element.count))
    }

    fileprivate static func trimmed(_ range: Range<Int>, _ bytes: Span<UInt8>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, isWhiteSpace(bytes[lower]) { lower += 1 }
        while upper > lower, isWhiteSpace(bytes[upper - 1]) { upper -= 1 }
        return lower..<upper
    }

    private static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == Octets.space || byte == Octets.tab
    }
}

extension RequestHead {
    /// The last element of a comma-separated field without quotes, without white space around it.
    public func lastElement(of id: HeaderID) -> ByteSlice? {
        guard known.contains(id), let field = fields.last(where: { $0.id == id }) else { return nil }
        let range = withBytes(field.value) { bytes in
            var start = bytes.count
            while start > 0, bytes[start - 1] != 0x2C { start -= 1 }
            return ForwardedHops.trimmed(start..<bytes.count, bytes)
        }
        return ByteSlice(
            start: field.value.start + UInt32(truncatingIfNeeded: range.lowerBound),
            count: UInt32(truncatingIfNeeded: range.count))
    }
}

extension ForwardedHops {
    /// An element of `X-Forwarded-For`: an address, which many write with a port.
    private static func listed(_ bytes: Span<UInt8>) -> ForwardedHop {
        ForwardedHop(address: address(bytes, bareV6: true))
    }

    /// An element of `Forwarded`: `for=192.0.2.1;proto=https;by=_x`; each name may occur once (RFC 7239 §4).
    private static func forwarded(_ bytes: Span<UInt8>) -> ForwardedHop {
        var hop = ForwardedHop(address: nil)
        var seen = (node: false, proto: false)
        var start = 0
        while start < bytes.count {
            guard let end = endOfPair(bytes, from: start) else { return ForwardedHop(address: nil) }
            let pair = trimmed(start..<end, bytes)
            start = end + 1
            guard !pair.isEmpty else { continue }
            let nameEnd = Octets.endOfToken(bytes, from: pair.lowerBound, to: pair.upperBound)
            guard nameEnd < pair.upperBound, bytes[nameEnd] == 0x3D,
                let value = unquoted(nameEnd + 1..<pair.upperBound, bytes)
            else { return ForwardedHop(address: nil) }
            let name = bytes.extracting(pair.lowerBound..<nameEnd)
            if equalsIgnoringCase(name, "for") {
                guard !seen.node else { return ForwardedHop(address: nil) }
                seen.node = true
                hop.address = address(bytes.extracting(value), bareV6: false)
            } else if equalsIgnoringCase(name, "proto") {
                guard !seen.proto else { return ForwardedHop(address: nil) }
                seen.proto = true
                hop.isSecure = equalsIgnoringCase(bytes.extracting(value), "https")
            }
        }
        return hop
    }

    /// Where the `;` behind a pair is, or the element's end; nil when a quote is not closed.
    private static func endOfPair(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        var isQuoted = false
        while index < bytes.count, isQuoted || bytes[index] != 0x3B {
            if bytes[index] == 0x22 { isQuoted.toggle() }
            // What is behind a backslash is the quoted text's, whatever it is.
            if isQuoted, bytes[index] == 0x5C { index += 1 }
            index += 1
        }
        return isQuoted ? nil : min(index, bytes.count)
    }

    /// The inside of a quoted value, or the value itself.
    private static func unquoted(_ range: Range<Int>, _ bytes: Span<UInt8>) -> Range<Int>? {
        guard !range.isEmpty, bytes[range.lowerBound] == 0x22 else { return range }
        guard range.count >= 2, bytes[range.upperBound - 1] == 0x22 else { return nil }
        return range.lowerBound + 1..<range.upperBound - 1
    }

    /// An address with or without a port, an IPv6 one in brackets.
    ///
    /// - Parameter bareV6: it may also come without brackets, and then without a port.
    private static func address(_ bytes: Span<UInt8>, bareV6: Bool) -> IPAddress? {
        // The longest is 45 characters, brackets and a port of six.
        guard !bytes.isEmpty, bytes.count <= 53 else { return nil }
        var colons = 0
        var lastColon = 0
        for index in bytes.indices where bytes[index] == 0x3A {
            colons += 1
            lastColon = index
        }
        if bytes[0] == 0x5B {
            var end = 1
            while end < bytes.count, bytes[end] != 0x5D { end += 1 }
            guard end < bytes.count, end + 1 == bytes.count || isPort(bytes, from: end + 1) else { return nil }
            let address = IPAddress(text: text(bytes.extracting(1..<end)))
            return end > 1 && hasColon(bytes.extracting(1..<end)) ? address : nil
        }
        switch colons {
        case 0: return IPAddress(text: text(bytes))
        case 1: return isPort(bytes, from: lastColon) ? IPAddress(text: text(bytes.extracting(0..<lastColon))) : nil
        default: return bareV6 ? IPAddress(text: text(bytes)) : nil
        }
    }

    private static func hasColon(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices where bytes[index] == 0x3A { return true }
        return false
    }

    /// `:` and a number of up to five digits, or a pseudonym that begins with `_` (RFC 7239 §6.2).
    private static func isPort(_ bytes: Span<UInt8>, from start: Int) -> Bool {
        guard start + 1 < bytes.count, bytes[start] == 0x3A else { return false }
        let isHidden = bytes[start + 1] == 0x5F
        guard isHidden || bytes.count - start <= 6 else { return false }
        for index in (start + 1)..<bytes.count {
            let byte = bytes[index]
            let isHiddenByte = Octets.isAlphanumeric(byte) || byte == 0x2E || byte == 0x5F || byte == 0x2D
            guard isHidden ? isHiddenByte : Octets.isDigit(byte) else { return false }
        }
        return true
    }

    private static func text(_ bytes: Span<UInt8>) -> String {
        var copy: [UInt8] = []
        copy.reserveCapacity(bytes.count)
        for index in bytes.indices { copy.append(bytes[index]) }
        return String(decoding: copy, as: UTF8.self)
    }
}
