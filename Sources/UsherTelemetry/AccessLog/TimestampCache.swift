/// The text of a second, kept until another second is asked for.
struct TimestampCache {
    /// `2026-11-22T10:00:00`, without fraction and zone.
    private(set) var date: [UInt8] = []
    /// `22/Nov/2026:10:00:00 +0000`, as the combined format has it.
    private(set) var combined: [UInt8] = []
    private var second: Int64?

    /// Makes the texts those of `unixSeconds`, which is held within the years 0 to 9999.
    mutating func update(unixSeconds: Int64) {
        guard unixSeconds != second else { return }
        second = unixSeconds
        let time = CalendarTime(unixSeconds: unixSeconds)
        date.removeAll(keepingCapacity: true)
        Self.append(time.year, digits: 4, to: &date)
        date.append(UInt8(ascii: "-"))
        Self.append(time.month, digits: 2, to: &date)
        date.append(UInt8(ascii: "-"))
        Self.append(time.day, digits: 2, to: &date)
        date.append(UInt8(ascii: "T"))
        Self.appendClock(time, to: &date)
        combined.removeAll(keepingCapacity: true)
        Self.append(time.day, digits: 2, to: &combined)
        combined.append(UInt8(ascii: "/"))
        combined += CalendarTime.monthNames[time.month - 1].utf8
        combined.append(UInt8(ascii: "/"))
        Self.append(time.year, digits: 4, to: &combined)
        combined.append(UInt8(ascii: ":"))
        Self.appendClock(time, to: &combined)
        combined += " +0000".utf8
    }

    private static func appendClock(_ time: CalendarTime, to text: inout [UInt8]) {
        append(time.hour, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(time.minute, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(time.second, digits: 2, to: &text)
    }

    private static func append(_ value: Int, digits: Int, to text: inout [UInt8]) {
        var divisor = digits == 4 ? 1000 : 10
        while divisor > 0 {
            text.append(UInt8(truncatingIfNeeded: value / divisor % 10) &+ 0x30)
            divisor /= 10
        }
    }
}

/// A moment as calendar and clock in UTC, in the proleptic Gregorian calendar.
struct CalendarTime: Hashable {
    /// 0...9999
    let year: Int
    /// 1...12
    let month: Int
    /// 1...31
    let day: Int
    let hour: Int
    let minute: Int
    let second: Int

    static let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
    private static let range: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

    /// Moments outside of the years 0 to 9999 become the nearest one inside.
    init(unixSeconds: Int64) {
        let seconds = min(max(unixSeconds, Self.range.lowerBound), Self.range.upperBound)
        // Counted from 0000-03-01, so that the leap day ends a year; an era of 400 years has 146,097 days.
        let sinceEpoch = Int((Double(seconds) / 86_400).rounded(.down))
        let ofDay = Int(seconds) - sinceEpoch * 86_400
        let days = sinceEpoch + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let ofEra = days - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * ofYear + 2) / 153
        day = ofYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        hour = ofDay / 3600
        minute = ofDay / 60 % 60
        second = ofDay % 60
    }
}

/// A moment as reports show it: `2026-11-22T10:00:00Z`.
package func rfc3339(unixSeconds: Int64) -> String {
    var timestamp = TimestampCache()
    timestamp.update(unixSeconds: unixSeconds)
    return String(decoding: timestamp.date, as: UTF8.self) + "Z"
}
