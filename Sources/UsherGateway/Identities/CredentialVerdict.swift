import UsherCore
import UsherIdentities
import UsherTelemetry

/// What is known of a credential.
enum CredentialVerdict: Sendable {
    case caller(Caller)
    case invalid(CredentialFault)
}

/// Why a credential is not believed, or cannot be looked at now.
enum CredentialFault: Sendable, Hashable {
    case token(TokenFault)
    case unknownKey
    case wrongPassword
    /// Malformed, or more than one where only one can be.
    case unreadable
    /// Too many wrong passwords or tokens from one client.
    case tooManyFailures
    /// The keys that tokens are signed with could not be read so far.
    case noTokenKeys
    /// More credentials wait to be looked at than may.
    case tooBusy

    var sentence: StaticString {
        switch self {
        case .token(let fault): fault.sentence
        case .unknownKey: "the API key is not known"
        case .wrongPassword: "name and password do not fit together"
        case .unreadable: "the credential cannot be read"
        case .tooManyFailures: "too many wrong credentials came from this client"
        case .noTokenKeys: "the keys that tokens are verified with are not known yet"
        case .tooBusy: "too many credentials wait to be verified"
        }
    }

    /// Whether the credential is to blame, and not us or the moment.
    var isFinal: Bool {
        switch self {
        case .token, .unknownKey, .wrongPassword, .unreadable: true
        case .tooManyFailures, .noTokenKeys, .tooBusy: false
        }
    }
}
