/// The minute of a line, which is all that the advisor needs of its time.
enum LogTime {
    /// `10/Oct/2000:13:55:36 +0000`, `2026-01-31T13:55:36Z`, or seconds, milliseconds, … since 1970.
    ///
    /// Minutes of one form follow one another; the offset to UTC is taken for the same in all lines.
    static func minute(_ bytes: [UInt8], _ place: Range<Int>) -> Int? {
        guard place.count >= 10 else { return nil }
        let start = place.lowerBound
        if place.count >= 17, bytes[start + 2] == UInt8(ascii: "/"), bytes[start + 6] == UInt8(ascii: "/") {
            return minutes(
                bytes, year: start + 7, day: start, hour: start + 12, minute: start + 15,
                month: month(bytes, start + 3))
        }
        if place.count >= 16, bytes[start + 4] == UInt8(ascii: "-"), bytes[start + 7] == UInt8(ascii: "-") {
            return minutes(
                bytes, year: start, day: start + 8, hour: start + 11, minute: start + 14,
                month: bytes.number(start + 5..<start + 7))
        }
        let end = bytes.find(UInt8(ascii: "."), in: place) ?? place.upperBound
        guard var seconds = bytes.number(start..<end) else { return nil }
        while seconds >= 100_000_000_000 { seconds /= 1000 }
        return seconds / 60
    }

    private static func minutes(
        _ bytes: [UInt8], year: Int, day: Int, hour: Int, minute: Int, month: Int?
    ) -> Int? {
        guard let month, let year = bytes.number(year..<year + 4), let day = bytes.number(day..<day + 2),
            let hour = bytes.number(hour..<hour + 2), let minute = bytes.number(minute..<minute + 2)
        else { return nil }
        // Months of 31 days leave gaps and keep the order.
        return (((year * 12 + month) * 31 + day) * 24 + hour) * 60 + minute
    }

    private static func month(_ bytes: [UInt8], _ start: Int) -> Int? {
        months.firstIndex { bytes.equals($0, start..<start + 3) }
    }

    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
