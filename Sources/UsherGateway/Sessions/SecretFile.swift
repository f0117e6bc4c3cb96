import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The file with the secret: 64 hexadecimal digits when Usher made it, any 16 to 4,096 bytes when somebody else did.
///
/// White space at the end does not count, so that a copy made with an editor is the same secret.
enum SecretFile {
    struct Loaded: Sendable {
        var secret: SessionSecret
        /// There was none before, so cookies of other gateways and of earlier times are not believed.
        var wasMade: Bool
        /// One line for the log when others may read the file.
        var warning: String?
    }

    private static let mostBytes = 4096
    /// Bytes of randomness in a secret that Usher makes.
    private static let randomBytes = 32

    /// Reads the secret; makes it (mode 600) and its folder (mode 700) when missing.
    static func load(path: String) throws(SecretFileError) -> Loaded {
        if let loaded = try self.existing(path) { return loaded }
        try self.create(path)
        guard var loaded = try self.existing(path) else {
            throw SecretFileError(description: "cannot read \(path): it vanished after it was made")
        }
        loaded.wasMade = true
        return loaded
    }

    /// Nil when there is no file.
    private static func existing(_ path: String) throws(SecretFileError) -> Loaded? {
        // Not blocking, for the case that the path is a pipe.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            guard errno != ENOENT else { return nil }
            throw SecretFileError(description: "cannot read \(path): \(self.reason(errno))")
        }
        defer { close(file) }
        let status: Stat
        do {
            status = try FileDescriptor(rawValue: file).stat()
        } catch {
            throw SecretFileError(description: "cannot read \(path): \(error)")
        }
        guard status.type == .regular else {
            throw SecretFileError(description: "cannot read \(path): it is not a file")
        }
        var bytes = try self.contents(file, path)
        guard bytes.count <= self.mostBytes else {
            throw SecretFileError(
                description: "\(path) is larger than 4 KiB: name another file")
        }
        while let last = bytes.last, [0x0a, 0x0d, 0x20, 0x09].contains(last) { bytes.removeLast() }
        guard let secret = SessionSecret(bytes: bytes) else {
            let found = bytes.isEmpty ? "is empty" : "has only \(bytes.count) bytes"
            throw SecretFileError(
                description:
                    "\(path) \(found), but a secret has at least \(SessionSecret.fewestBytes): "
                    + "remove it and a new one is made, or copy it from another gateway")
        }
        let isOpen = !status.permissions.isDisjoint(with: [.groupReadWriteExecute, .otherReadWriteExecute])
        return Loaded(
            secret: secret, wasMade: false,
            warning: isOpen ? "others may read \(path), and who knows it can forge cookies: chmod 600 \(path)" : nil)
    }

    private static func contents(_ file: Int32, _ path: String) throws(SecretFileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: self.mostBytes + 1)
        var filled = 0
        while filled < bytes.count {
            let room = bytes.count - filled
            let count = bytes.withUnsafeMutableBytes { space in
                // `filled` is below the count, so there is an address behind the base.
                read(file, space.baseAddress.map { $0 + filled }, room)
            }
            if count == 0 { break }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw SecretFileError(description: "cannot read \(path): \(self.reason(errno))") }
            filled += count
        }
        return Array(bytes[..<filled])
    }

    /// Written aside and then linked, so that no half-written secret is ever found and the first of two makers wins.
    private static func create(_ path: String) throws(SecretFileError) {
        let folder = self.folder(of: path)
        if mkdir(folder, 0o700) != 0, errno != EEXIST {
            throw SecretFileError(description: "cannot make the folder \(folder): \(self.reason(errno))")
        }
        var generator = SystemRandomNumberGenerator()
        var text: [UInt8] = []
        for _ in 0..<self.randomBytes {
            let byte = UInt8.random(in: .min ... .max, using: &generator)
            for digit in [byte >> 4, byte & 0xf] { text.append(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit) }
        }
        text.append(0x0a)
        let aside = "\(folder)/.usher-secret.\(getpid())"
        unlink(aside)
        let file = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw SecretFileError(description: "cannot write \(path): \(self.reason(errno))") }
        defer { unlink(aside) }
        let written = write(file, text, text.count)
        var failure = written == text.count ? 0 : written < 0 ? errno : ENOSPC
        // On the disk before it has a name: a secret that a crash empties would end every session.
        if failure == 0, fsync(file) != 0 { failure = errno }
        close(file)
        guard failure == 0 else { throw SecretFileError(description: "cannot write \(path): \(self.reason(failure))") }
        if link(aside, path) != 0, errno != EEXIST {
            throw SecretFileError(description: "cannot write \(path): \(self.reason(errno))")
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func reason(_ number: Int32) -> String {
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }
}

/// Why the secret cannot be had; `description` is one line that says what to do.
struct SecretFileError: Error, Sendable, Hashable, CustomStringConvertible {
    let description: String
}
