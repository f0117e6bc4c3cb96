internal import UsherHTTP

/// The content codings that a client takes, of those that services use (RFC 9110 §12.5.3).
///
/// Order, spelling and weights above 0 do not matter: a coding is accepted or it is not. Weights only say what a client
/// would rather have, and sharing answers between clients that accept the same is worth more. A field that this cannot
/// express exactly (other codings, one coding twice, broken weights) is not read at all, and then compared as it
/// stands.
struct AcceptedCodings: Equatable {
    static let brotli: UInt8 = 1
    static let gzip: UInt8 = 2
    static let zstandard: UInt8 = 4
    static let deflate: UInt8 = 8
    static let identityForbidden: UInt8 = 16
    /// Codings that are not named here are accepted too.
    static let others: UInt8 = 32

    private(set) var bits: UInt8 = 0

    /// Nil when the field must be compared as it stands.
    init?(_ value: Span<UInt8>) {
        var named: UInt8 = 0
        var isIdentityForbidden: Bool?
        var isRestAccepted: Bool?
        var cursor = ElementCursor()
        while let range = cursor.next(value) {
            let element = value.extracting(range)
            let end = Text.endOfToken(element, from: 0)
            guard end > 0, let isAccepted = Self.isAccepted(element, weightFrom: end) else { return nil }
            let name = element.extracting(0..<end)
            if equalsIgnoringCase(name, "identity") {
                guard isIdentityForbidden == nil else { return nil }
                isIdentityForbidden = !isAccepted
            } else if equalsIgnoringCase(name, "*") {
                guard isRestAccepted == nil else { return nil }
                isRestAccepted = isAccepted
            } else {
                guard let bit = Self.bit(of: name), named & bit == 0 else { return nil }
                named |= bit
                if isAccepted { bits |= bit }
            }
        }
        if isRestAccepted == true {
            bits |= Self.others | (~named & (Self.brotli | Self.gzip | Self.zstandard | Self.deflate))
        }
        // Without coding is fine unless it is excluded by its name, or by `*` alone.
        if isIdentityForbidden ?? (isRestAccepted == false) { bits |= Self.identityForbidden }
    }

    private static func bit(of name: Span<UInt8>) -> UInt8? {
        if equalsIgnoringCase(name, "gzip") || equalsIgnoringCase(name, "x-gzip") { return gzip }
        if equalsIgnoringCase(name, "br") { return brotli }
        if equalsIgnoringCase(name, "zstd") { return zstandard }
        return equalsIgnoringCase(name, "deflate") ? deflate : nil
    }

    /// Whether the weight behind a coding is above 0 (RFC 9110 §12.4.2); nil when it is broken.
    private static func isAccepted(_ element: Span<UInt8>, weightFrom start: Int) -> Bool? {
        var index = start
        while index < element.count, Text.isWhiteSpace(element[index]) { index += 1 }
        guard index < element.count else { return true }
        guard element[index] == Text.semicolon else { return nil }
        index += 1
        while index < element.count, Text.isWhiteSpace(element[index]) { index += 1 }
        guard index + 2 < element.count, Octets.lowercased(element[index]) == 0x71,
            element[index + 1] == Text.equals
        else { return nil }
        return isPositive(element.extracting((index + 2)...))
    }

    /// `0` or `1` with up to three decimals, 1 without any but zeros.
    private static func isPositive(_ weight: Span<UInt8>) -> Bool? {
        guard weight.count <= 5, weight[0] == 0x30 || weight[0] == 0x31 else { return nil }
        var isPositive = weight[0] == 0x31
        guard weight.count > 1 else { return isPositive }
        guard weight[1] == 0x2E else { return nil }
        for index in 2..<weight.count {
            guard Octets.isDigit(weight[index]), weight[0] == 0x30 || weight[index] == 0x30 else { return nil }
            if weight[index] != 0x30 { isPositive = true }
        }
        return isPositive
    }
}
