internal import Crypto

/// Asks Usher to answer a request without its cache, provably in the operator's name.
///
/// A field `Usher-Cache-Bypass: SECONDS.HEX`: when it was signed in Unix seconds, and the HMAC-SHA256 of
/// `usher cache bypass SECONDS` under the admin token's text, in lower-case hexadecimal digits. So nobody else can send
/// a service more than its cache lets through, and a value that was overheard is of use for ten minutes.
package enum CacheBypass {
    package static let fieldName = "Usher-Cache-Bypass"

    /// How far the time of signing may lie from now, in the past or, with clocks that differ, in the future.
    /// Unit: seconds. Ten minutes: a run of load is signed once, at its beginning.
    package static let validSeconds = 600

    /// Of the digest, in digits.
    private static let digitCount = 64
    /// A Unix time has no more digits for the next 300 years.
    private static let secondsDigitsMax = 10

    /// The field's value.
    package static func sign(token: String, unixSeconds: Int) -> String {
        "\(unixSeconds)." + digits(token, unixSeconds)
    }

    /// Whether the value was signed with the token, not long ago.
    ///
    /// Takes the same time wherever the signatures differ, so that nobody finds one digit by digit.
    package static func isValid(_ value: Span<UInt8>, token: String, unixSeconds: Int) -> Bool {
        var position = 0
        var signed = 0
        while position < value.count, position < secondsDigitsMax, value[position] != UInt8(ascii: ".") {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(value[position]) else { return false }
            signed = signed * 10 + Int(value[position] - UInt8(ascii: "0"))
            position += 1
        }
        guard position > 0, position + 1 + digitCount == value.count, value[position] == UInt8(ascii: ".") else {
            return false
        }
        guard abs(unixSeconds.subtractingSaturated(signed)) <= validSeconds else { return false }
        var difference: UInt8 = 0
        for (offset, digit) in digits(token, signed).utf8.enumerated() {
            difference |= digit ^ value[position + 1 + offset]
        }
        return difference == 0
    }

    /// The same for text.
    package static func isValid(_ value: String, token: String, unixSeconds: Int) -> Bool {
        let bytes = Array(value.utf8)
        return isValid(bytes.span, token: token, unixSeconds: unixSeconds)
    }

    private static func digits(_ token: String, _ seconds: Int) -> String {
        let message = Array("usher cache bypass \(seconds)".utf8)
        let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: Array(token.utf8)))
        let hexadecimal = Array("0123456789abcdef".utf8)
        let digits = code.flatMap { [hexadecimal[Int($0 >> 4)], hexadecimal[Int($0 & 15)]] }
        return String(decoding: digits, as: UTF8.self)
    }
}

extension Int {
    /// The difference, at most `Int.max` and at least `-Int.max`, so that it has an absolute value.
    fileprivate func subtractingSaturated(_ other: Int) -> Int {
        let (difference, overflow) = self.subtractingReportingOverflow(other)
        guard !overflow, difference != .min else { return .max }
        return difference
    }
}
