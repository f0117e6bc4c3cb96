internal import Glibc

/// The secret that proves a caller to be this machine's operator; 64 hexadecimal digits in `STATE/admin-token`.
package struct AdminToken: Sendable {
    private let digits: [UInt8]

    /// Bytes of randomness in a token.
    private static let randomBytes = 32

    /// Nil unless the text is 64 hexadecimal digits, white space around them left aside.
    package init?(text: String) {
        let digits = text.utf8.filter { $0 != 0x0a && $0 != 0x0d && $0 != 0x20 && $0 != 0x09 }
        guard digits.count == Self.randomBytes * 2, digits.allSatisfy(Self.isHexadecimal) else { return nil }
        self.digits = digits
    }

    /// Reads the token of a state folder; makes the folder (mode 700) and the token (mode 600) when missing.
    package static func load(stateFolder: String) throws(AdminTokenError) -> AdminToken {
        let path = stateFolder + "/admin-token"
        if mkdir(stateFolder, 0o700) != 0, errno != EEXIST {
            throw AdminTokenError(description: "cannot make the state folder \(stateFolder): \(reason(errno))")
        }
        if let text = try read(path) { return try token(text, path) }
        try create(path, in: stateFolder)
        guard let text = try read(path) else {
            throw AdminTokenError(description: "cannot read \(path): it vanished after it was made")
        }
        return try token(text, path)
    }

    /// The token as commands send it.
    package var text: String { String(decoding: digits, as: UTF8.self) }

    /// Whether the value of an Authorization header is `Bearer` and this token.
    ///
    /// Takes the same time wherever the two differ, so that nobody learns the token digit by digit.
    func matches(authorization: String?) -> Bool {
        guard let authorization else { return false }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
        let given = Array(parts[1].utf8)
        guard given.count == digits.count else { return false }
        var difference: UInt8 = 0
        for (one, other) in zip(given, digits) { difference |= one ^ other }
        return difference == 0
    }

    private static func token(_ text: String, _ path: String) throws(AdminTokenError) -> AdminToken {
        guard let token = AdminToken(text: text) else {
            throw AdminTokenError(description: "\(path) does not hold a token; remove it and a new one is made")
        }
        return token
    }

    /// Nil when there is no file.
    private static func read(_ path: String) throws(AdminTokenError) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            guard errno != ENOENT else { return nil }
            throw AdminTokenError(description: "cannot read \(path): \(reason(errno))")
        }
        defer { close(file) }
        // Best effort: a secret that is mounted read-only keeps its mode.
        _ = fchmod(file, 0o600)
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(file, &bytes, bytes.count)
        guard count >= 0 else { throw AdminTokenError(description: "cannot read \(path): \(reason(errno))") }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// Written aside and then linked, so that no half-written token is ever found and the first of two makers wins.
    private static func create(_ path: String, in folder: String) throws(AdminTokenError) {
        var generator = SystemRandomNumberGenerator()
        var text: [UInt8] = []
        for _ in 0..<randomBytes {
            let byte = UInt8.random(in: .min ... .max, using: &generator)
            for digit in [byte >> 4, byte & 0xf] { text.append(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit) }
        }
        text.append(0x0a)
        let aside = "\(folder)/.admin-token.\(getpid())"
        unlink(aside)
        let file = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw AdminTokenError(description: "cannot write \(path): \(reason(errno))") }
        let written = write(file, text, text.count)
        let failure = written == text.count ? 0 : written < 0 ? errno : ENOSPC
        close(file)
        defer { unlink(aside) }
        guard failure == 0 else { throw AdminTokenError(description: "cannot write \(path): \(reason(failure))") }
        if link(aside, path) != 0, errno != EEXIST {
            throw AdminTokenError(description: "cannot write \(path): \(reason(errno))")
        }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }

    private static func reason(_ number: Int32) -> String {
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }
}

/// Why the token of the admin server cannot be had; `description` is one line.
package struct AdminTokenError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}
