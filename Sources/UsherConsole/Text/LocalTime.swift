internal import FoundationEssentials
internal import Glibc
internal import UsherTelemetry

/// Writes the times of reports as a person's watch shows them.
package struct LocalTime: Sendable {
    /// Seconds since the Unix epoch.
    private let now: Int64
    /// How far local time is ahead of UTC at a moment. Unit: seconds.
    private let offset: @Sendable (Int64) -> Int64

    /// Now, in the time zone of this process.
    package init() {
        self.init(now: Int64(Date.now.timeIntervalSince1970), offset: Self.systemOffset)
    }

    package init(now: Int64, offset: @escaping @Sendable (Int64) -> Int64) {
        self.now = now
        self.offset = offset
    }

    /// `14:03:11`, with the date before it unless it is today's; a text that is no RFC 3339 time stays as it is.
    package func text(_ rfc3339: String) -> String {
        guard let moment = Self.seconds(rfc3339) else { return rfc3339 }
        let local = shown(moment)
        let isToday = local.prefix(10) == shown(now).prefix(10)
        let time = String(local.dropFirst(11).prefix(8))
        return isToday ? time : local.prefix(10) + " " + time
    }

    private func shown(_ moment: Int64) -> String {
        rfc3339(unixSeconds: moment + offset(moment))
    }

    /// Fractions of a second are left out.
    private static func seconds(_ text: String) -> Int64? {
        let whole = text.split(separator: ".", maxSplits: 1)
        let plain = whole.count == 2 && text.hasSuffix("Z") ? whole[0] + "Z" : Substring(text)
        guard let date = try? Date(String(plain), strategy: .iso8601) else { return nil }
        return Int64(date.timeIntervalSince1970)
    }

    private static func systemOffset(_ moment: Int64) -> Int64 {
        var time = time_t(moment)
        var parts = tm()
        guard localtime_r(&time, &parts) != nil else { return 0 }
        return Int64(parts.tm_gmtoff)
    }
}
