/// What Usher's own session cookie says: which session it is, where it goes, and until when.
///
///     version 1 byte · expiry 6 · session 8 · endpoint 8 · authenticator 16, as 52 characters of base64url
///
/// Numbers have their highest byte first. 39 bytes fill their characters, so a value has one spelling only. The
/// authenticator covers all bytes before it; it must be bound to the service's and the cookie's names by its key, or
/// one service's cookies would be believed by another. Nothing in here is secret.
public struct SessionCookie: Sendable, Hashable {
    /// Half of an HMAC-SHA-256, which nobody without the secret can make.
    public struct Authenticator: Sendable, Hashable {
        public var high: UInt64
        public var low: UInt64

        public init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }
    }

    /// What a value that a client sent is worth.
    public enum Reading: Sendable, Hashable {
        case valid(SessionCookie)
        /// Once ours, but its time is over.
        case expired
        /// Not made with our secret for this service and cookie, or with an expiry that no configuration gives.
        case forged
        /// Not a value that Usher writes, whatever the secret.
        case malformed
    }

    /// Length of a value. Unit: characters.
    public static let textCount = 52
    /// The longest lifetime that can be configured: 400 days, where browsers cut it too. Unit: seconds.
    public static let longestLifetime = 400 * 86_400
    /// How far the clocks of two gateways may differ. Unit: seconds.
    public static let clockSkew = 300

    /// A random number that stays the same while the session lasts.
    public var session: UInt64
    /// Where its requests go.
    public var endpoint: EndpointTag
    /// When the session ends unless it is used before. Unit: seconds since the Unix epoch. Range: 0..<2⁴⁸.
    public var expiry: Int

    static let version: UInt8 = 1
    static let messageCount = 23
    static let byteCount = 39

    public init(session: UInt64, endpoint: EndpointTag, expiry: Int) {
        self.session = session
        self.endpoint = endpoint
        self.expiry = min(max(expiry, 0), 1 << 48 - 1)
    }

    /// What finds the session's next endpoint when its own is gone, the same on every gateway.
    public var key: SessionKey { SessionKey(hash: session) }

    /// Whether more than a tenth of the lifetime is gone, or more is left than the lifetime now is.
    ///
    /// - Parameter lifetime: of a new cookie, in seconds.
    public func isDueForRenewal(nowSeconds: Int, lifetime: Int) -> Bool {
        let left = expiry - min(max(nowSeconds, 0), expiry)
        return left < lifetime - lifetime / 10 || left > lifetime + Self.clockSkew
    }

    /// Judges a value that came with a request; any bytes of any length may come.
    ///
    /// - Parameters:
    ///   - nowSeconds: since the Unix epoch.
    ///   - authenticate: the authenticator of a message; called once when the form is right, else not.
    public static func read(
        _ text: Span<UInt8>, nowSeconds: Int, authenticate: (Span<UInt8>) -> Authenticator
    ) -> Reading {
        guard let bytes = Base64URL.decode(text), bytes[0] == version else { return .malformed }
        let wanted = authenticate(bytes.span.extracting(first: messageCount))
        // All bits are compared whatever the first ones say, so that time tells nothing about them.
        let difference = (wanted.high ^ word(bytes, at: 23)) | (wanted.low ^ word(bytes, at: 31))
        guard difference == 0 else { return .forged }
        let expiry = Int(truncatingIfNeeded: (word(bytes, at: 0) &<< 8) &>> 16)
        let cookie = SessionCookie(
            session: word(bytes, at: 7), endpoint: EndpointTag(hash: word(bytes, at: 15)), expiry: expiry)
        let now = max(nowSeconds, 0)
        guard expiry > now else { return .expired }
        guard expiry - now <= longestLifetime + clockSkew else { return .forged }
        return .valid(cookie)
    }

    /// The value as it is sent.
    public func encode(authenticate: (Span<UInt8>) -> Authenticator) -> InlineArray<52, UInt8> {
        var bytes = InlineArray<39, UInt8>(repeating: 0)
        bytes[0] = Self.version
        Self.put(UInt64(truncatingIfNeeded: expiry), count: 6, into: &bytes, at: 1)
        Self.put(session, count: 8, into: &bytes, at: 7)
        Self.put(endpoint.hash, count: 8, into: &bytes, at: 15)
        let authenticator = authenticate(bytes.span.extracting(first: Self.messageCount))
        Self.put(authenticator.high, count: 8, into: &bytes, at: 23)
        Self.put(authenticator.low, count: 8, into: &bytes, at: 31)
        return Base64URL.encode(bytes)
    }

    private static func word(_ bytes: InlineArray<39, UInt8>, at index: Int) -> UInt64 {
        var word: UInt64 = 0
        for offset in 0..<8 { word = word &<< 8 | UInt64(bytes[index + offset]) }
        return word
    }

    private static func put(_ word: UInt64, count: Int, into bytes: inout InlineArray<39, UInt8>, at index: Int) {
        for offset in 0..<count {
            bytes[index + offset] = UInt8(truncatingIfNeeded: word &>> UInt64(8 * (count - 1 - offset)))
        }
    }
}
