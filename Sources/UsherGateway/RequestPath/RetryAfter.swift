import UsherHTTP

/// How long a replica that answers 503 wants to be left alone (RFC 9110 §10.2.3).
enum RetryAfter {
    /// The field's value when it is a number of seconds; nil for a date, which no service sends for a short pause.
    static func seconds(in head: ResponseHead) -> Int? {
        guard let value = head.slice(of: .retryAfter), (1...5).contains(value.count) else { return nil }
        return head.withBytes(value) { digits in
            var seconds = 0
            for index in digits.indices {
                let digit = digits[index] &- UInt8(ascii: "0")
                guard digit <= 9 else { return nil }
                // At most five digits.
                seconds = seconds &* 10 &+ Int(digit)
            }
            return seconds > 0 ? seconds : nil
        }
    }
}
