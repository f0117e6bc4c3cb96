/// What members of JSON log lines are called, whoever writes them.
///
/// Names are compared in lower case, with `_` for `-` and without a leading `:` or `@`, at any depth of the object.
enum LogName: Sendable, Hashable {
    case method, target, query, requestLine, host, client, forwardedFor, status, identity, userAgent, language, cookies
    case country
    case tag, time
    /// With the answer's head: its length says less.
    case bytes(withHead: Bool)
    case duration(Unit)

    enum Unit: Sendable, Hashable {
        case seconds, milliseconds, microseconds, nanoseconds
        /// Seconds when there is a point, else milliseconds.
        case guessed
    }

    /// Usher, nginx (whose names are the user's choice: usually its variables), Envoy, HAProxy, Traefik, Caddy, ECS.
    static let names: [(LogName, [String])] = [
        (.method, ["method", "request_method", "requestmethod", "http_method", "verb"]),
        (
            .target,
            ["path", "uri", "request_uri", "requestpath", "request_path", "url", "target", "x_envoy_original_path"]
        ),
        (.query, ["query", "args", "query_string"]),
        (.requestLine, ["request", "request_line", "http_request"]),
        (.host, ["host", "http_host", "authority", "requesthost", "request_host", "vhost", "server_name", "domain"]),
        (
            .client,
            [
                "client", "client_ip", "clientip", "remote_addr", "remote_ip", "remote_address", "clienthost",
                "clientaddr", "client_addr", "remoteaddress", "downstream_remote_address", "source_ip",
                "source_address", "src", "ip",
            ]
        ),
        (.forwardedFor, ["x_forwarded_for", "http_x_forwarded_for", "request_x_forwarded_for", "xff"]),
        (
            .status,
            [
                "status", "status_code", "response_code", "downstreamstatus", "response_status", "http_status",
                "statuscode", "code",
            ]
        ),
        (
            .bytes(withHead: false),
            [
                "body_bytes_sent", "bytes", "size", "response_size", "downstreamcontentsize", "bytes_written",
                "body_bytes",
            ]
        ),
        (.bytes(withHead: true), ["bytes_out", "bytes_sent", "bytes_read"]),
        (.duration(.seconds), ["request_time", "response_time", "duration_s"]),
        (
            .duration(.milliseconds),
            ["duration_ms", "request_time_ms", "response_time_ms", "latency_ms", "elapsed_ms", "responsetime", "ta"]
        ),
        (.duration(.microseconds), ["duration_us", "request_time_us", "latency_us"]),
        (.duration(.nanoseconds), ["duration_ns"]),
        (.duration(.guessed), ["duration", "latency", "elapsed"]),
        (.identity, ["identity", "user", "remote_user", "user_id", "username", "clientusername", "auth_user"]),
        (.userAgent, ["user_agent", "http_user_agent", "useragent", "request_user_agent", "agent"]),
        (.language, ["accept_language", "http_accept_language", "request_accept_language", "language"]),
        (.country, ["country", "country_code", "geoip_country_code", "geoip2_country_code", "http_cf_ipcountry"]),
        (.cookies, ["cookie", "cookies", "http_cookie", "request_cookie"]),
        (
            .tag,
            ["etag", "sent_http_etag", "response_etag", "downstream_etag", "body_hash", "content_md5", "body_sha256"]
        ),
        (
            .time,
            ["time", "timestamp", "ts", "time_local", "time_iso8601", "msec", "start_time", "startutc", "datetime"]
        ),
    ]

    private static let byHash = Dictionary(
        names.flatMap { name, texts in texts.map { (hash(Array($0.utf8), 0..<$0.utf8.count), name) } },
        uniquingKeysWith: { first, _ in first })

    static func find(_ bytes: [UInt8], _ place: Range<Int>) -> LogName? {
        guard (2...32).contains(place.count) else { return nil }
        guard let name = byHash[hash(bytes, place)] else { return nil }
        // Traefik counts nanoseconds, and it alone writes names in capitals.
        if name == .duration(.guessed), bytes[place.lowerBound] == UInt8(ascii: "D") { return .duration(.nanoseconds) }
        return name
    }

    /// FNV-1a; what meets by chance is taken for the same name, which harms nobody but who made it so.
    private static func hash(_ bytes: [UInt8], _ place: Range<Int>) -> UInt64 {
        let first = bytes[place.lowerBound]
        let start = first == UInt8(ascii: ":") || first == UInt8(ascii: "@") ? place.lowerBound + 1 : place.lowerBound
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in start..<place.upperBound {
            var byte = bytes[index]
            if byte &- 0x41 < 26 { byte |= 0x20 }
            if byte == UInt8(ascii: "-") { byte = UInt8(ascii: "_") }
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        return hash
    }
}
