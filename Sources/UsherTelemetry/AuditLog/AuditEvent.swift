/// Something that somebody may have to answer for later: a login, or a change of who may log in.
package struct AuditEvent: Sendable {
    package enum Kind: String, Sendable {
        /// A credential was believed that was not known to be good before.
        case login
        case loginFailed = "login-failed"
        case keyAdded = "key-added"
        case keyRemoved = "key-removed"
        /// The class of a key's owner is another one.
        case keyChanged = "key-changed"
        case userAdded = "user-added"
        case userRemoved = "user-removed"
        /// Its password or its class is another one.
        case userChanged = "user-changed"
        /// The public keys, or the secret, that tokens are verified with.
        case tokenKeysChanged = "token-keys-changed"
    }

    package var kind: Kind
    /// Pairs in their order; empty values are left out.
    package var fields: [(name: StaticString, value: String)]

    package init(_ kind: Kind, _ fields: [(name: StaticString, value: String)]) {
        self.kind = kind
        self.fields = fields
    }
}
