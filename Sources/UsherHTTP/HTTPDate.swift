public import NIOCore

/// Dates as HTTP writes them, always 29 bytes: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
public enum HTTPDate {
    /// The last second of the year 9999; later times are written as this one, and times before 1970 as 1970.
    static let latest = 253_402_300_799

    /// Writes a time given in seconds since 1970, leap seconds not counted.
    public static func write(unixSeconds: Int, to out: inout ByteBuffer) {
        let seconds = min(max(0, unixSeconds), latest)
        let (days, time) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let (year, month, day) = civil(days)
        var text = InlineArray<29, UInt8>(repeating: Octets.space)
        func put(_ source: StaticString, _ from: Int, _ count: Int, at position: Int) {
            for offset in 0..<count { text[position + offset] = unsafe source.utf8Start[from + offset] }
        }
        func put(_ number: Int, at position: Int) {
            text[position] = UInt8(truncatingIfNeeded: 0x30 + number / 10 % 10)
            text[position + 1] = UInt8(truncatingIfNeeded: 0x30 + number % 10)
        }
        // 1 January 1970 was a Thursday.
        put("ThuFriSatSunMonTueWed", days % 7 * 3, 3, at: 0)
        text[3] = 0x2C
        put(day, at: 5)
        put("JanFebMarAprMayJunJulAugSepOctNovDec", (month - 1) * 3, 3, at: 8)
        put(year / 100, at: 12)
        put(year % 100, at: 14)
        put(time / 3600, at: 17)
        text[19] = 0x3A
        put(time / 60 % 60, at: 20)
        text[22] = 0x3A
        put(time % 60, at: 23)
        put("GMT", 0, 3, at: 26)
        out.append(text.span)
    }

    /// Year, month and day of a day counted from 1970, by eras of 400 years that begin in March.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let (era, dayOfEra) = shifted.quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
