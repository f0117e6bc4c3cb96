import Testing
import UsherCore
import UsherReplication

@Suite struct SessionCookieTests {
    private static let now = 1_700_000_000
    private static let cookie = SessionCookie(
        session: 0x0123_4567_89AB_CDEF, endpoint: EndpointTag(hash: 0xFEDC_BA98_7654_3210), expiry: now + 3_600)

    /// Stands in for an HMAC: any key gives other authenticators for any message.
    private static func authenticator(_ key: UInt8) -> (Span<UInt8>) -> SessionCookie.Authenticator {
        { message in
            var parts = [SessionKey.Hasher(), SessionKey.Hasher()]
            for index in parts.indices {
                parts[index].append(part: [key, UInt8(index)].span)
                parts[index].append(part: message)
            }
            return .init(high: parts[0].finish().hash, low: parts[1].finish().hash)
        }
    }

    private static func text(_ cookie: SessionCookie, key: UInt8 = 1) -> [UInt8] {
        let text = cookie.encode(authenticate: authenticator(key))
        return text.indices.map { text[$0] }
    }

    private static func read(_ text: [UInt8], at now: Int = now, key: UInt8 = 1) -> SessionCookie.Reading {
        SessionCookie.read(text.span, nowSeconds: now, authenticate: authenticator(key))
    }

    @Test("what is written is read again", arguments: 1...5 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let cookie = SessionCookie(
                session: random.next(), endpoint: EndpointTag(hash: random.next()),
                expiry: Self.now + 1 + random.below(9_999))
            let text = Self.text(cookie)
            #expect(text.count == SessionCookie.textCount)
            #expect(Self.read(text) == .valid(cookie), "seed \(seed)")
        }
    }

    @Test("a value is the base64url of its fields, highest byte first")
    func form() {
        let text = Self.cookie.encode { message in
            #expect(message.count == 23)
            return .init(high: 0x0001_0203_0405_0607, low: 0xF8F9_FAFB_FCFD_FEFF)
        }
        // 01 00006553ff10 0123456789abcdef fedcba9876543210 0001…07 f8…ff, by coreutils' basenc --base64url.
        #expect(
            text.indices.map { Character(Unicode.Scalar(text[$0])) }
                == Array("AQAAZVP_EAEjRWeJq83v_ty6mHZUMhAAAQIDBAUGB_j5-vv8_f7_"))
    }

    @Test("any other bit of any character makes it worthless", arguments: 0..<52)
    func mutations(index: Int) {
        let text = Self.text(Self.cookie)
        for other in 0...255 as ClosedRange<UInt8> where other != text[index] {
            var changed = text
            changed[index] = other
            let reading = Self.read(changed)
            let isLetter = Self.alphabet.contains(other)
            // The version stands in the first two characters; another one is not our form.
            let isForm = isLetter && Self.version(changed) == 1
            #expect(reading == (isForm ? .forged : .malformed), "\(other) at \(index)")
        }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static func version(_ text: [UInt8]) -> Int? {
        guard let first = alphabet.firstIndex(of: text[0]), let second = alphabet.firstIndex(of: text[1]) else {
            return nil
        }
        return first << 2 | second >> 4
    }

    @Test("only the one length is a value", arguments: 0...100)
    func lengths(count: Int) {
        let text = Self.text(Self.cookie)
        let cut = Array((text + text).prefix(count))
        #expect(Self.read(cut) == (count == 52 ? .valid(Self.cookie) : .malformed))
        #expect(Self.read([UInt8](repeating: UInt8(ascii: "A"), count: count)) == .malformed)
        #expect(Self.read([UInt8](repeating: 0xFF, count: count)) == .malformed)
    }

    @Test(
        "padding, quotes and the other alphabet are not read",
        arguments: ["=", "==", " ", "\"", "+", "/", "%3D", "\u{0}"])
    func foreign(text: String) {
        let value = Self.text(Self.cookie)
        #expect(Self.read(value + Array(text.utf8)) == .malformed)
        #expect(Self.read(Array(value.dropLast(text.utf8.count)) + Array(text.utf8)) == .malformed)
    }

    @Test("random bytes are never believed and never trap", arguments: 1...4 as ClosedRange<UInt64>)
    func noise(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<2_000 {
            let isLetters = random.below(2) == 0
            let count = random.below(3) == 0 ? random.below(200) : 52
            let text = (0..<count).map { _ in
                isLetters ? Self.alphabet[random.below(64)] : UInt8(random.below(256))
            }
            let reading = Self.read(text)
            #expect(reading == .malformed || reading == .forged, "seed \(seed)")
        }
    }

    @Test("another key's value is forged, also when its time is over", arguments: [3_600, 0, -1, 1 << 40])
    func otherKey(left: Int) {
        var cookie = Self.cookie
        cookie.expiry = Self.now + left
        #expect(Self.read(Self.text(cookie, key: 2)) == .forged)
    }

    @Test("a value ends with its expiry, and one that no configuration can have made is forged")
    func time() {
        let text = Self.text(Self.cookie)
        #expect(Self.read(text, at: Self.now + 3_599) == .valid(Self.cookie))
        #expect(Self.read(text, at: Self.now + 3_600) == .expired)
        #expect(Self.read(text, at: .max) == .expired)
        let earliest = Self.cookie.expiry - SessionCookie.longestLifetime - SessionCookie.clockSkew
        #expect(Self.read(text, at: earliest) == .valid(Self.cookie))
        #expect(Self.read(text, at: earliest - 1) == .forged)
        #expect(Self.read(text, at: 0) == .forged)
        #expect(Self.read(text, at: .min) == .forged)
    }

    @Test(
        "a value is renewed when more than a tenth of its time is gone, or when it has more than it should",
        arguments: [
            (3_600, false), (3_240, false), (3_239, true), (1, true), (3_900, false), (3_901, true), (86_400, true),
        ])
    func renewal(left: Int, isDue: Bool) {
        var cookie = Self.cookie
        cookie.expiry = Self.now + left
        #expect(cookie.isDueForRenewal(nowSeconds: Self.now, lifetime: 3_600) == isDue)
    }

    @Test("expiries out of range count as the nearest", arguments: [(-1, 0), (Int.min, 0), (Int.max, 1 << 48 - 1)])
    func range(expiry: Int, expected: Int) {
        let cookie = SessionCookie(session: 1, endpoint: EndpointTag(hash: 2), expiry: expiry)
        #expect(cookie.expiry == expected)
        #expect(Self.text(cookie).count == 52)
    }

    @Test("a moved session finds its next endpoint by its number")
    func key() {
        #expect(Self.cookie.key == SessionKey(hash: Self.cookie.session))
    }
}
