/// A field name that Usher knows; comparing ids replaces comparing names on the request's path.
///
/// Names are matched without case and with `_` read as `-`, because many services do the same and an alias must
/// not slip past a rule. At most 64 ids fit in a `HeaderSet`.
public enum HeaderID: UInt8, Sendable, Hashable, CaseIterable {
    /// Any name that is not listed here.
    case other = 0
    case host, connection, contentLength, transferEncoding, te, trailer, upgrade, keepAlive
    case proxyConnection, proxyAuthorization, proxyAuthenticate, proxy, http2Settings
    case expect, forwarded, xForwardedFor, xForwardedProto, xForwardedHost, xForwardedPort
    /// Any other name that starts with `X-Forwarded-`.
    case xForwardedOther
    case xRealIP, via, traceparent, tracestate, date, server, cookie, setCookie, authorization, wwwAuthenticate
    case cacheControl, contentType, contentEncoding, contentRange, location, userAgent, referer, retryAfter
    case xRequestID, xAPIKey
    /// Any name that starts with `Usher-`.
    case usher
    /// `RateLimit`, and any name that starts with `RateLimit-` or `X-RateLimit-`.
    case rateLimit
    case accept, acceptEncoding, acceptLanguage, age, eTag, expires, lastModified, origin, pragma, range, vary
    case ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, ifRange, maxForwards
    case secWebSocketKey, strictTransportSecurity, cdnCacheControl, upgradeInsecureRequests

    /// Every id that stands for one name, with the name in lower case.
    static let names: [(id: HeaderID, name: StaticString)] = [
        (.host, "host"), (.connection, "connection"), (.contentLength, "content-length"),
        (.transferEncoding, "transfer-encoding"), (.te, "te"), (.trailer, "trailer"), (.upgrade, "upgrade"),
        (.keepAlive, "keep-alive"), (.proxyConnection, "proxy-connection"),
        (.proxyAuthorization, "proxy-authorization"), (.proxyAuthenticate, "proxy-authenticate"), (.proxy, "proxy"),
        (.http2Settings, "http2-settings"), (.expect, "expect"), (.forwarded, "forwarded"),
        (.xForwardedFor, "x-forwarded-for"), (.xForwardedProto, "x-forwarded-proto"),
        (.xForwardedHost, "x-forwarded-host"), (.xForwardedPort, "x-forwarded-port"), (.xRealIP, "x-real-ip"),
        (.via, "via"), (.traceparent, "traceparent"), (.tracestate, "tracestate"), (.date, "date"),
        (.server, "server"), (.cookie, "cookie"), (.setCookie, "set-cookie"), (.authorization, "authorization"),
        (.wwwAuthenticate, "www-authenticate"), (.cacheControl, "cache-control"), (.contentType, "content-type"),
        (.contentEncoding, "content-encoding"), (.contentRange, "content-range"), (.location, "location"),
        (.userAgent, "user-agent"), (.referer, "referer"), (.retryAfter, "retry-after"),
        (.xRequestID, "x-request-id"), (.xAPIKey, "x-api-key"), (.accept, "accept"),
        (.acceptEncoding, "accept-encoding"), (.acceptLanguage, "accept-language"), (.age, "age"), (.eTag, "etag"),
        (.expires, "expires"), (.lastModified, "last-modified"), (.origin, "origin"), (.pragma, "pragma"),
        (.range, "range"), (.vary, "vary"), (.ifMatch, "if-match"), (.ifNoneMatch, "if-none-match"),
        (.ifModifiedSince, "if-modified-since"), (.ifUnmodifiedSince, "if-unmodified-since"),
        (.ifRange, "if-range"), (.maxForwards, "max-forwards"), (.secWebSocketKey, "sec-websocket-key"),
        (.strictTransportSecurity, "strict-transport-security"), (.cdnCacheControl, "cdn-cache-control"),
        (.upgradeInsecureRequests, "upgrade-insecure-requests"),
    ]
}
