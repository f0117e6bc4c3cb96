/// A set of known field names as one word of bits.
public struct HeaderSet: Sendable, Hashable, ExpressibleByArrayLiteral {
    @usableFromInline var bits: UInt64

    @inlinable
    public init() {
        bits = 0
    }

    @inlinable
    public init(arrayLiteral elements: HeaderID...) {
        bits = 0
        for id in elements { insert(id) }
    }

    @inlinable
    public func contains(_ id: HeaderID) -> Bool {
        bits &>> UInt64(id.rawValue) & 1 != 0
    }

    @inlinable
    public mutating func insert(_ id: HeaderID) {
        bits |= 1 &<< UInt64(id.rawValue)
    }

    @inlinable
    public mutating func remove(_ id: HeaderID) {
        bits &= ~(1 &<< UInt64(id.rawValue))
    }

    /// The set with one name more; chains of it are constants.
    @inlinable
    public func with(_ id: HeaderID) -> HeaderSet {
        var result = self
        result.insert(id)
        return result
    }

    @inlinable
    public func union(_ other: HeaderSet) -> HeaderSet {
        var result = self
        result.bits |= other.bits
        return result
    }

    @inlinable
    public func isDisjoint(with other: HeaderSet) -> Bool {
        bits & other.bits == 0
    }
}

extension HeaderSet {
    /// Fields that concern one connection only and never pass on (RFC 9110 §7.6.1), and `Proxy`, which CGI programs
    /// take for a setting of their environment.
    @inlinable public static var hopByHop: HeaderSet {
        HeaderSet().with(.connection).with(.keepAlive).with(.proxyConnection).with(.proxyAuthorization)
            .with(.proxyAuthenticate).with(.proxy).with(.te).with(.transferEncoding).with(.upgrade).with(.http2Settings)
    }

    /// Fields that tell a service who asked; they count only when a trusted peer sent them.
    @inlinable public static var forwarding: HeaderSet {
        HeaderSet().with(.forwarded).with(.xForwardedFor).with(.xForwardedProto).with(.xForwardedHost)
            .with(.xForwardedPort).with(.xForwardedOther).with(.xRealIP)
    }

    /// Fields that may not come behind a body, because they would have changed how it was read, routed or judged
    /// (RFC 9110 §6.5.1).
    static let forbiddenInTrailers = hopByHop.union(forwarding).union([
        .host, .contentLength, .trailer, .expect, .cookie, .setCookie, .authorization, .wwwAuthenticate,
        .cacheControl, .cdnCacheControl, .contentType, .contentEncoding, .contentRange, .location, .retryAfter,
        .xAPIKey, .usher, .age, .expires, .date, .pragma, .range, .vary, .ifMatch, .ifNoneMatch, .ifModifiedSince,
        .ifUnmodifiedSince, .ifRange, .maxForwards, .strictTransportSecurity, .via, .traceparent, .tracestate,
        .xRequestID, .origin,
    ])
}
