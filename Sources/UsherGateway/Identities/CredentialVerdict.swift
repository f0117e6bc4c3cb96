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

/// Keeps the newest entries of a map in bounded memory and constant time: two generations, of which the older one is
/// dropped whole when the younger is full. What is used moves to the younger.
struct GenerationMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private let generation: Int

    /// - Parameter capacity: entries that are kept at most; at least half of them are the newest.
    init(capacity: Int) {
        self.generation = max(capacity / 2, 1)
    }

    mutating func value(of key: Key) -> Value? {
        if let value = self.young[key] { return value }
        guard let value = self.old.removeValue(forKey: key) else { return nil }
        self.insert(value, for: key)
        return value
    }

    mutating func insert(_ value: Value, for key: Key) {
        if self.young.count >= self.generation {
            self.old = self.young
            self.young = [:]
        }
        self.young[key] = value
    }

    mutating func remove(_ key: Key) {
        self.young[key] = nil
        self.old[key] = nil
    }
}

/// What one worker knows of credentials that take long to verify. Good ones and bad ones have memory of their own, so
/// that whoever floods us with wrong ones does not push out the others.
struct CredentialCache: Sendable {
    private struct Known: Sendable {
        var caller: Caller
        /// Seconds since the Unix epoch.
        var until: Int64
    }

    private struct Wrong: Sendable {
        var fault: CredentialFault
        var until: Int64
    }

    private static let capacity = 16_384
    /// How long a password that was right is believed without looking again. Unit: seconds.
    static let passwordSeconds: Int64 = 600
    /// How long a credential that was wrong is not looked at again.
    private static let wrongSeconds: Int64 = 10

    private var known = GenerationMap<CredentialDigest, Known>(capacity: capacity)
    private var wrong = GenerationMap<CredentialDigest, Wrong>(capacity: capacity)

    mutating func verdict(on digest: CredentialDigest, now: Int64) -> CredentialVerdict? {
        if let known = self.known.value(of: digest) {
            if now < known.until { return .caller(known.caller) }
            self.known.remove(digest)
        }
        guard let wrong = self.wrong.value(of: digest), now < wrong.until else { return nil }
        return .invalid(wrong.fault)
    }

    /// - Parameter until: when a good one is looked at again, in seconds since the Unix epoch.
    mutating func keep(_ verdict: CredentialVerdict, on digest: CredentialDigest, until: Int64, now: Int64) {
        switch verdict {
        case .caller(let caller):
            self.known.insert(Known(caller: caller, until: until), for: digest)
        case .invalid(let fault):
            if fault.isFinal { self.wrong.insert(Wrong(fault: fault, until: now + Self.wrongSeconds), for: digest) }
        }
    }
}
