import Logging
import NIOCore
import NIOPosix
import Synchronization
import UsherConfiguration
import UsherCore
import UsherIdentities
import UsherQuotas
import UsherTransport

/// Why `identities` cannot be used.
struct IdentityProblems: Error, Sendable {
    var problems: [NamedFileProblem]

    var sentences: [String] { self.problems.map { "identities.\($0.key): \($0.message)" } }
}

/// Reads what `identities` names, and reads it anew when it changes: files by looking at them, a URL by asking again.
final class IdentityFiles: Sendable {
    private static let secretMaximum = ByteCount.kibibytes(64)
    private static let keySetMaximum = ByteCount.mebibytes(1)

    private let logger: Logger
    private let keySets: KeySetFetcher
    /// The files at the last look: one that is still being written is not what its author means.
    private let seen = Mutex<[String: FileStamp?]>([:])

    init(logger: Logger) {
        self.logger = logger
        self.keySets = KeySetFetcher(logger: logger)
    }

    // MARK: Reading

    /// Reads everything; a file that is not there counts as empty, and the log says so.
    ///
    /// - Parameter known: what is in force; what verifies tokens is taken from it as long as its file is the same.
    func load(
        _ settings: IdentitySettings, known: Credentials? = nil
    ) async throws(IdentityProblems) -> Credentials {
        // Before they are read, so that no change in between is missed.
        let stamps = Self.stamps(settings)
        var problems: [NamedFileProblem] = []
        let classes = CallerClasses(settings.classNames)
        let keys = self.keys(settings, classes, &problems)
        let users = self.users(settings, classes, &problems)
        let tokenFile = settings.jwt?.keys.file
        let isSame = tokenFile.map { stamps[$0] == known?.stamps[$0] } ?? false
        let tokens = isSame ? known?.tokens : await self.tokens(settings, &problems)
        guard problems.isEmpty else { throw IdentityProblems(problems: problems) }
        return Credentials(settings, keys: keys ?? [:], users: users ?? [:], tokens: tokens, stamps: stamps)
    }

    /// Nil: there is no such file, or it has problems.
    private func keys(
        _ settings: IdentitySettings, _ classes: CallerClasses, _ problems: inout [NamedFileProblem]
    ) -> [CredentialDigest: Caller]? {
        guard let path = settings.keys?.file, self.isThere(path, "`usher keys add NAME` makes it") else { return nil }
        do throws(ConfigurationProblems) {
            let file = try KeyFile.read(file: path, classes: settings.knownClassNames)
            let entries = file.entries.map { entry in
                (entry.digest, Caller(name: entry.name, classes.known(entry.callerClass), of: classes))
            }
            return Dictionary(entries, uniquingKeysWith: { first, _ in first })
        } catch {
            problems += error.problems.map { NamedFileProblem(key: "keys", message: "\($0)") }
            return nil
        }
    }

    /// Nil: there is no such file, or it has problems.
    private func users(
        _ settings: IdentitySettings, _ classes: CallerClasses, _ problems: inout [NamedFileProblem]
    ) -> [[UInt8]: Credentials.User]? {
        guard let path = settings.basicFile, self.isThere(path, "`usher keys add NAME --password` makes it") else {
            return nil
        }
        do throws(ConfigurationProblems) {
            let file = try UserFile.read(
                file: path, classes: settings.knownClassNames, hashProblem: PasswordHash.problem)
            var users: [[UInt8]: Credentials.User] = [:]
            for entry in file.entries {
                guard let hash = try? PasswordHash(text: entry.hash) else { continue }
                users[Array(entry.name.utf8)] = Credentials.User(
                    hash: hash, caller: Caller(name: entry.name, classes.known(entry.callerClass), of: classes))
            }
            return users
        } catch {
            problems += error.problems.map { NamedFileProblem(key: "basic", message: "\($0)") }
            return nil
        }
    }

    private func isThere(_ path: String, _ advice: String) -> Bool {
        if FileStamp(path) != nil { return true }
        self.logger.warning(
            "a file of credentials is not there yet: nobody is in it",
            metadata: ["file": "\(path)", "advice": "\(advice)"])
        return false
    }

    /// Nil: tokens are not read, or the URL of their keys has not answered yet.
    private func tokens(_ settings: IdentitySettings, _ problems: inout [NamedFileProblem]) async
        -> TokenVerifier?
    {
        guard let jwt = settings.jwt else { return nil }
        do {
            let keys: TokenKeys
            switch jwt.keys {
            case .file(let path):
                keys = try await .jwks(try SmallFile.bytes(of: path, atMost: Self.keySetMaximum))
            case .secret(let path):
                keys = try await .secret(Self.trimmed(try SmallFile.bytes(of: path, atMost: Self.secretMaximum)))
            case .url(let url):
                guard let fetched = await self.keySets.keys(of: url) else { return nil }
                keys = fetched
            }
            for skipped in keys.skipped {
                self.logger.warning("a key for tokens is left aside", metadata: ["why": "\(skipped)"])
            }
            return try TokenVerifier(keys: keys, rules: TokenRules(jwt))
        } catch {
            // Problems of reading a file name it already.
            let message = (error as? TextProblem)?.message ?? "\(jwt.keys.place): \(error)"
            problems.append(NamedFileProblem(key: "jwt", message: message))
            return nil
        }
    }

    /// Editors end files with a line feed, which belongs to no secret.
    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
        return bytes
    }

    // MARK: Changes

    /// The files of `settings` with what tells their versions apart.
    private static func stamps(_ settings: IdentitySettings) -> [String: FileStamp?] {
        var paths = [settings.keys?.file, settings.basicFile].compactMap(\.self)
        if let path = settings.jwt?.keys.file { paths.append(path) }
        return Dictionary(paths.map { ($0, FileStamp($0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Looks for files that have changed: what is in force from now on, or nil.
    ///
    /// Each file stands for itself: one that is gone or cannot be read keeps what it said, and holds up no other.
    func refresh(_ known: Credentials) async -> (old: Credentials, new: Credentials)? {
        let settings = known.settings
        let stamps = Self.stamps(settings)
        let isChanged = self.seen.withLock { seen in
            let isStill = stamps == seen
            seen = stamps
            return isStill && stamps != known.stamps
        }
        guard isChanged else { return nil }
        for (path, stamp) in stamps where stamp == nil && known.stamps[path] ?? nil != nil {
            self.logger.error(
                "a file of credentials is gone; what it said holds until there is one again",
                metadata: ["file": "\(path)"])
        }
        var problems: [NamedFileProblem] = []
        var new = (keys: known.keys, users: known.users, tokens: known.tokens)
        func isNew(_ path: String?) -> Bool {
            guard let path, let stamp = stamps[path] ?? nil else { return false }
            return stamp != known.stamps[path] ?? nil
        }
        if isNew(settings.keys?.file), let keys = self.keys(settings, known.classes, &problems) { new.keys = keys }
        if isNew(settings.basicFile), let users = self.users(settings, known.classes, &problems) { new.users = users }
        if isNew(settings.jwt?.keys.file), let tokens = await self.tokens(settings, &problems) { new.tokens = tokens }
        for problem in problems {
            self.logger.error(
                "changed credentials are not used; what the file said before holds",
                metadata: ["problem": "identities.\(problem.key): \(problem.message)"])
        }
        if problems.isEmpty {
            self.logger.notice(
                "credentials have changed", metadata: ["keys": "\(new.keys.count)", "users": "\(new.users.count)"])
        }
        return (
            known,
            Credentials(settings, keys: new.keys, users: new.users, tokens: new.tokens, stamps: stamps)
        )
    }

    /// Asks the URL of the keys for tokens when it is time, which may take seconds: what is in force from now on, or
    /// nil.
    ///
    /// - Parameter sawUnknownKey: a token was signed with a key that is not among those of the URL.
    func refreshTokenKeys(
        _ known: Credentials, sawUnknownKey: Bool
    ) async -> (old: Credentials, new: Credentials)? {
        guard case .url(let url) = known.settings.jwt?.keys else { return nil }
        // A reload that is being tried at this moment asks its own URL again.
        self.keySets.keepOnly(url)
        if sawUnknownKey { self.keySets.hurry(url) }
        guard let keys = await self.keySets.keys(of: url), keys.source != known.tokens?.keys.source else { return nil }
        var problems: [NamedFileProblem] = []
        guard let tokens = await self.tokens(known.settings, &problems) else { return nil }
        self.logger.notice("the keys for tokens have changed", metadata: ["url": "\(url)"])
        return (
            known,
            Credentials(
                known.settings, keys: known.keys, users: known.users, tokens: tokens, stamps: known.stamps)
        )
    }
}

extension PasswordHash {
    /// What is wrong with a text that should be one; nil when it is.
    static func problem(_ text: String) -> String? {
        do throws(TextProblem) {
            _ = try PasswordHash(text: text)
            return nil
        } catch {
            return error.message
        }
    }
}

extension TokenRules {
    init(_ settings: TokenSettings) {
        self.init(
            algorithms: settings.algorithms.isEmpty ? nil : Set(settings.algorithms), issuer: settings.issuer,
            audience: settings.audience, leewaySeconds: settings.clockSkew.components.seconds)
    }
}

extension TokenSettings.Keys {
    /// Nil for a URL.
    fileprivate var file: String? {
        switch self {
        case .file(let path), .secret(let path): path
        case .url: nil
        }
    }
}
