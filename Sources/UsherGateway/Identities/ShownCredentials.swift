import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherIdentities
import UsherTelemetry

/// What a request shows of who makes it, as far as `identities` reads it: nothing of it is verified but API keys.
struct ShownCredentials {
    /// What takes too long to verify on an event loop.
    enum Secret: Sendable {
        case token([UInt8])
        case password(BasicCredentials)

        var kind: CredentialKind {
            switch self {
            case .token: .token
            case .password: .password
            }
        }
    }

    var key: (verdict: CredentialVerdict, digest: CredentialDigest)?
    var secret: (content: Secret, digest: CredentialDigest)?
    /// It shows something that cannot be read, or twice what can be there once.
    var unreadable: CredentialKind?

    init(_ head: RequestHead, _ credentials: Credentials) {
        if credentials.settings.keys != nil { self.readKey(head, credentials) }
        guard credentials.readsAuthorization, head.known.contains(.authorization) else { return }
        guard let value = Self.only(.authorization, in: head) else {
            self.unreadable = credentials.settings.jwt == nil ? .password : .token
            return
        }
        // Schemes that `identities` does not read are the services' own.
        if credentials.settings.jwt != nil, let token = Self.rest(of: value, behind: "bearer", in: head) {
            self.show(.token(token), token)
        } else if credentials.settings.basicFile != nil,
            let encoded = Self.rest(of: value, behind: "basic", in: head)
        {
            guard let password = BasicCredentials(encoded: encoded) else {
                self.unreadable = .password
                return
            }
            self.show(.password(password), encoded)
        }
    }

    /// What was found out about a password says nothing of a token with the same bytes: the kind is part of the name.
    private mutating func show(_ secret: Secret, _ bytes: [UInt8]) {
        self.secret = (secret, CredentialDigest(of: [UInt8(truncatingIfNeeded: secret.kind.rawValue)] + bytes))
    }

    /// Whose the request is: every credential counts, and one that is wrong is always refused. Of several that are
    /// right the certificate comes first, then token, key and password.
    ///
    /// - Parameter verdict: on `secret`, where there is one.
    func caller(certificate: Caller?, secret verdict: CredentialVerdict?) -> CredentialVerdict {
        if self.unreadable != nil { return .invalid(.unreadable) }
        var key: Caller?
        switch self.key?.verdict {
        case .caller(let caller): key = caller
        case .invalid(let fault): return .invalid(fault)
        case nil: break
        }
        switch verdict {
        case .caller(let caller):
            let isToken = self.secret?.content.kind == .token
            return .caller(certificate ?? (isToken ? caller : key ?? caller))
        case .invalid(let fault): return .invalid(fault)
        case nil: return .caller(certificate ?? key ?? .anonymous)
        }
    }

    private mutating func readKey(_ head: RequestHead, _ credentials: Credentials) {
        var found: ByteSlice?
        for field in head.fields where Self.isNamed(field, credentials.keyField, head) {
            if found != nil { self.unreadable = .key }
            found = field.value
        }
        guard let found, self.unreadable == nil else { return }
        let digest = head.withBytes(found) { bytes in CredentialDigest(of: bytes.indices.map { bytes[$0] }) }
        self.key = (credentials.keys[digest].map(CredentialVerdict.caller) ?? .invalid(.unknownKey), digest)
    }

    /// Names are compared as the parser does: without case, and with `_` read as `-`.
    private static func isNamed(_ field: HeaderField, _ name: [UInt8], _ head: RequestHead) -> Bool {
        guard Int(field.name.count) == name.count else { return false }
        return head.withBytes(field.name) { bytes in
            for index in bytes.indices {
                let byte = bytes[index] == UInt8(ascii: "_") ? UInt8(ascii: "-") : asciiLowercase(bytes[index])
                if byte != name[index] { return false }
            }
            return true
        }
    }

    /// The value of a field that stands there once.
    private static func only(_ id: HeaderID, in head: RequestHead) -> ByteSlice? {
        var found: ByteSlice?
        for field in head.fields where field.id == id {
            if found != nil { return nil }
            found = field.value
        }
        return found
    }

    /// What follows a scheme, whose case does not count (RFC 9110 §11.1); nil: it is another scheme.
    private static func rest(of value: ByteSlice, behind scheme: StaticString, in head: RequestHead) -> [UInt8]? {
        let length = scheme.utf8CodeUnitCount
        guard Int(value.count) >= length else { return nil }
        func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        return head.withBytes(value) { bytes in
            for index in 0..<length where asciiLowercase(bytes[index]) != scheme.utf8Start[index] { return nil }
            var start = length
            while start < bytes.count, isSpace(bytes[start]) { start += 1 }
            // It goes on: a longer name.
            if start == length, start < bytes.count { return nil }
            return (start..<bytes.count).map { bytes[$0] }
        }
    }
}

extension Credentials {
    /// Whose a token or password is; takes as long as it takes.
    func verdict(on secret: ShownCredentials.Secret, now: Int64) -> (verdict: CredentialVerdict, until: Int64) {
        switch secret {
        case .token(let token):
            guard let tokens = self.tokens else { return (.invalid(.noTokenKeys), now) }
            switch tokens.verify(token, unixSeconds: now) {
            case .success(let token): return (.caller(self.caller(token)), token.expiresAt)
            case .failure(let fault): return (.invalid(.token(fault)), now)
            }
        case .password(let password):
            let user = self.users[password.name]
            // An unknown name takes as long as a known one.
            let fits = (user?.hash ?? .decoy).matches(password.password)
            guard let user, fits else { return (.invalid(.wrongPassword), now) }
            return (.caller(user.caller), now + CredentialCache.passwordSeconds)
        }
    }
}
