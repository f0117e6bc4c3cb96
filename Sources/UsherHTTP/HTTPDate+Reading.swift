extension HTTPDate {
    /// Reads a date in one of the three forms that recipients must know (RFC 9110 §5.6.7), in seconds since 1970.
    ///
    /// Letters match in any case, as caches should (RFC 9111 §4.2). Nil for everything else: other zones than GMT,
    /// days that their month does not have, numbers without their zeros. The name of the day is not compared with the
    /// date, and a leap second counts as the second before it.
    ///
    /// - Parameter now: seconds since 1970; years of two digits are read as the one that lies at most 50 years ahead.
    public static func read(_ text: Span<UInt8>, now: Int) -> Int? {
        var reader = DateReader(now: now)
        return reader.read(text)
    }
}

/// Goes through a date's text from the left; each step says whether what it wanted was there.
private struct DateReader {
    let now: Int
    private var position = 0
    private var year = 0
    private var month = 0
    private var day = 0
    private var time = 0

    init(now: Int) {
        self.now = now
    }

    mutating func read(_ text: Span<UInt8>) -> Int? {
        // The longest is `Wednesday, 09-Nov-94 08:49:37 GMT`.
        guard text.count >= 24, text.count <= 33 else { return nil }
        let isRead: Bool
        switch text[3] {
        case 0x2C: isRead = fixed(text)
        case Octets.space: isRead = unixForm(text)
        default: isRead = long(text)
        }
        guard isRead, position == text.count, day <= Self.days(in: month, of: year), day > 0 else { return nil }
        return Self.daysSince1970(year, month, day) * 86_400 + time
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    private mutating func fixed(_ text: Span<UInt8>) -> Bool {
        guard name("SunMonTueWedThuFriSat", text) != nil, literal(", ", text), let day = number(2, text),
            literal(" ", text), let month = name("JanFebMarAprMayJunJulAugSepOctNovDec", text), literal(" ", text),
            let year = number(4, text)
        else { return false }
        (self.year, self.month, self.day) = (year, month + 1, day)
        return literal(" ", text) && clock(text) && literal(" gmt", text)
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT`, which RFC 850 had.
    private mutating func long(_ text: Span<UInt8>) -> Bool {
        guard let weekday = name("SunMonTueWedThuFriSat", text), rest(of: weekday, text), literal(", ", text),
            let day = number(2, text), literal("-", text),
            let month = name("JanFebMarAprMayJunJulAugSepOctNovDec", text), literal("-", text),
            let year = number(2, text), literal(" ", text), clock(text)
        else { return false }
        (self.month, self.day) = (month + 1, day)
        let thisYear = Self.year(of: now)
        var full = thisYear / 100 * 100 + year
        // One that seems to lie more than 50 years ahead is of the century before.
        if full > thisYear + 50 { full -= 100 }
        self.year = full
        return literal(" gmt", text)
    }

    /// `Sun Nov  6 08:49:37 1994`, which C's `asctime` writes.
    private mutating func unixForm(_ text: Span<UInt8>) -> Bool {
        guard name("SunMonTueWedThuFriSat", text) != nil, literal(" ", text),
            let month = name("JanFebMarAprMayJunJulAugSepOctNovDec", text), literal(" ", text)
        else { return false }
        guard let day = literal(" ", text) ? number(1, text) : number(2, text), literal(" ", text), clock(text),
            literal(" ", text), let year = number(4, text)
        else { return false }
        (self.year, self.month, self.day) = (year, month + 1, day)
        return true
    }

    private mutating func clock(_ text: Span<UInt8>) -> Bool {
        guard let hour = number(2, text), hour < 24, literal(":", text), let minute = number(2, text), minute < 60,
            literal(":", text), let second = number(2, text), second <= 60
        else { return false }
        time = hour * 3600 + minute * 60 + min(second, 59)
        return true
    }

    /// What is left of a day's name behind its first three letters.
    private mutating func rest(of weekday: Int, _ text: Span<UInt8>) -> Bool {
        switch weekday {
        case 2: literal("sday", text)
        case 3: literal("nesday", text)
        case 4: literal("rsday", text)
        case 6: literal("urday", text)
        default: literal("day", text)
        }
    }

    /// Which of the names of three letters comes here.
    private mutating func name(_ names: StaticString, _ text: Span<UInt8>) -> Int? {
        guard text.count - position >= 3 else { return nil }
        for index in 0..<names.utf8CodeUnitCount / 3 {
            var isSame = true
            for offset in 0..<3 {
                let expected = unsafe Octets.lowercased(names.utf8Start[index * 3 + offset])
                isSame = isSame && Octets.lowercased(text[position + offset]) == expected
            }
            if isSame {
                position += 3
                return index
            }
        }
        return nil
    }

    /// Exactly so many digits.
    private mutating func number(_ digits: Int, _ text: Span<UInt8>) -> Int? {
        guard text.count - position >= digits else { return nil }
        var result = 0
        for index in position..<position + digits {
            guard Octets.isDigit(text[index]) else { return nil }
            result = result * 10 + Int(text[index] &- 0x30)
        }
        position += digits
        return result
    }

    /// These bytes in any case; they are given in lower case. Nothing is passed when they are not there.
    private mutating func literal(_ expected: StaticString, _ text: Span<UInt8>) -> Bool {
        let count = expected.utf8CodeUnitCount
        guard text.count - position >= count,
            equalsIgnoringCase(text.extracting(position..<position + count), expected)
        else { return false }
        position += count
        return true
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970 to a date, by years that begin in March; negative before.
    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        // Counted from the year -400, so that no division rounds upwards.
        let shifted = (month <= 2 ? year - 1 : year) + 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468 - 146_097
    }

    /// The year that a second lies in, 1970 for those before.
    private static func year(of seconds: Int) -> Int {
        let days = min(max(0, seconds), HTTPDate.latest) / 86_400
        var year = 1970 + days / 366
        while daysSince1970(year + 1, 1, 1) <= days { year += 1 }
        return year
    }
}
