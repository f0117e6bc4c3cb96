package import UsherCore
package import UsherHTTP

/// How lines of the access log are written.
package enum AccessLogFormat: Sendable, Hashable {
    /// One JSON object a line.
    case json
    /// Apache's combined format.
    case combined
}

/// What the access log says of one request beside what stands in its head.
///
/// Names of the configuration come escaped (`AccessEntry.name`), once a snapshot, so that a line copies them.
package struct AccessEntry: Sendable {
    /// What services had to do with the request.
    package struct Tries: Sendable {
        /// Empty: no service was asked.
        package var service: [UInt8] = []
        /// The shard that was asked, as `name` gives it; empty: the service has none.
        package var shard: [UInt8] = []
        /// The replica that gave the answer.
        package var replica: [UInt8] = []
        /// Replicas tried, the first one counted.
        package var attempts = 0
        package var trace: TraceContext?
        /// Where the time went; shown when there was a replica or something to tell.
        package var times = RequestTimes()

        package init() {}
    }

    /// When the request's first byte came. Unit: milliseconds since the Unix epoch.
    package var unixMilliseconds: Int64 = 0
    /// Nil for a peer without an address (a Unix socket).
    package var client: IPAddress?
    /// The version of the TLS that it came in; empty: in the clear.
    package var tls: StaticString = ""
    /// Who the client is; empty: anybody. Not escaped.
    package var identity: [UInt8] = []
    /// The class of the client, as `name` gives it; empty: no identities are read.
    package var callerClass: [UInt8] = []
    /// The quota that was asked, as `name` gives it; empty: none.
    package var quota: [UInt8] = []
    package var quotaOutcome: QuotaOutcome?
    /// What is left of the tightest window; nil: nothing was counted.
    package var quotaLeft: Int?
    /// Nil: the route has no cache.
    package var cache: CacheOutcome?
    /// From the request's first byte to the answer's last.
    package var durationNanoseconds: UInt64 = 0
    /// 0 when the client went away before a status was sent.
    package var status: Int = 0
    /// Bytes received from and sent to the client, heads included.
    package var bytesIn: Int = 0
    package var bytesOut: Int = 0
    /// Empty when the request had none.
    package var route: [UInt8] = []
    package var tries = Tries()
    /// Why the answer is Usher's own, or the exchange did not end well; empty when all was well.
    package var why: StaticString = ""
    /// The request's id where it is another than the trace's: bytes of the head that comes with the entry.
    package var requestID: ByteSlice?
    /// Nil when the service has no sessions.
    package var session: SessionOutcome?

    package init() {}

    /// A name as the log's lines want it: the inside of a JSON string.
    package static func name(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        // No byte takes more than six.
        return [UInt8](unsafeUninitializedCapacity: bytes.count * 6) { space, count in
            var line = LineWriter(UnsafeMutableRawBufferPointer(space))
            bytes.withUnsafeBytes { line.appendJSON($0) }
            count = line.count
        }
    }
}
