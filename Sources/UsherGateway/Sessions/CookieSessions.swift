import NIOCore
import UsherHTTP
import UsherReplication

/// Sessions by a cookie of Usher's own.
struct CookieSessions: Sendable {
    /// Cookies of our name that are looked at in one request, so that a list of forged ones costs little.
    static let mostRead = 4

    private let name: [UInt8]
    private let signer: CookieSigner
    /// Unit: seconds.
    private let lifetime: Int
    private let lineStart: [UInt8]
    private let lineEnd: [UInt8]
    private let secureLineEnd: [UInt8]

    init(service: String, cookie: String, ttl: Duration, secret: SessionSecret) {
        self.name = Array(cookie.utf8)
        self.signer = CookieSigner(secret: secret, service: service, cookie: cookie)
        self.lifetime = Int(clamping: max(ttl.components.seconds, 1))
        self.lineStart = Array("Set-Cookie: \(cookie)=".utf8)
        let attributes = "; Path=/; Max-Age=\(self.lifetime); HttpOnly; SameSite=Lax"
        self.lineEnd = Array("\(attributes)\r\n".utf8)
        self.secureLineEnd = Array("\(attributes); Secure\r\n".utf8)
    }

    /// The first valid cookie counts; a request without one begins a session.
    func recognise(_ head: RequestHead, nowSeconds: Int) -> Session {
        var refusal: Session.Refusal?
        if head.known.contains(.cookie) {
            var left = Self.mostRead
            for field in head.fields where field.id == .cookie {
                let cookie = head.withBytes(field.value) { bytes in
                    self.firstValid(bytes, nowSeconds: nowSeconds, left: &left, refusal: &refusal)
                }
                guard let cookie else { continue }
                return Session(
                    key: cookie.key, wanted: cookie.endpoint,
                    needsCookie: cookie.isDueForRenewal(nowSeconds: nowSeconds, lifetime: self.lifetime),
                    refusal: refusal, number: cookie.session)
            }
        }
        return Session(needsCookie: true, refusal: refusal)
    }

    private func firstValid(
        _ field: Span<UInt8>, nowSeconds: Int, left: inout Int, refusal: inout Session.Refusal?
    ) -> SessionCookie? {
        var reader = CookieReader()
        while left > 0, let value = reader.next(named: self.name, in: field) {
            left -= 1
            let reading = SessionCookie.read(field.extracting(value), nowSeconds: nowSeconds) { message in
                self.signer.authenticator(of: message)
            }
            switch reading {
            case .valid(let cookie): return cookie
            case .expired: refusal = .expired
            case .forged: refusal = .forged
            case .malformed: refusal = .malformed
            }
        }
        return nil
    }

    func line(_ session: Session, tag: EndpointTag, isSecure: Bool, nowSeconds: Int) -> ByteBuffer {
        var generator = SystemRandomNumberGenerator()
        let number = session.number ?? generator.next()
        let (sum, overflow) = max(nowSeconds, 0).addingReportingOverflow(self.lifetime)
        let cookie = SessionCookie(session: number, endpoint: tag, expiry: overflow ? .max : sum)
        let value = cookie.encode { self.signer.authenticator(of: $0) }
        let end = isSecure ? self.secureLineEnd : self.lineEnd
        var line = ByteBufferAllocator().buffer(
            capacity: self.lineStart.count + SessionCookie.textCount + end.count)
        line.writeBytes(self.lineStart)
        value.span.withUnsafeBytes { _ = line.writeBytes($0) }
        line.writeBytes(end)
        return line
    }
}
