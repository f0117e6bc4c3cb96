import Foundation

/// A folder in which `usher` commands run, with what they say on each of their streams.
final class UsherCommands {
    struct Result {
        /// Nil: it did not end in time.
        var code: Int32?
        var output: String
        var errors: String
    }

    let path: String
    private let isOwn: Bool

    /// - Parameters:
    ///   - yaml: `usher.yaml`; nil: there is none.
    ///   - files: others, by their names.
    init(_ yaml: String? = nil, files: [String: String] = [:]) throws {
        var template = Array("/tmp/usher-commands-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FaultTestError("cannot make a folder in /tmp") }
        self.path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.isOwn = true
        if let yaml { try self.write("usher.yaml", yaml) }
        for (name, text) in files { try self.write(name, text) }
    }

    /// In somebody else's folder, which stays.
    init(in folder: String) {
        self.path = folder
        self.isOwn = false
    }

    deinit {
        if self.isOwn { try? FileManager.default.removeItem(atPath: self.path) }
    }

    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: "\(self.path)/\(name)", atomically: true, encoding: .utf8)
    }

    /// Nil: there is no such file.
    func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: "\(self.path)/\(name)").map { String(decoding: $0, as: UTF8.self) }
    }

    func mode(_ name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: "\(self.path)/\(name)")[.posixPermissions] as? Int
    }

    // MARK: Running

    /// Runs `usher` to its end.
    func run(_ arguments: String..., input: String = "") throws -> Result {
        try self.start(arguments, input: input).result()
    }

    /// A command on its way; several may be at once.
    struct Started {
        let process: ChildProcess
        fileprivate let base: String

        func result() -> Result {
            let code = self.process.exit(within: .seconds(50))
            func text(_ suffix: String) -> String {
                defer { unlink(self.base + suffix) }
                return String(
                    decoding: FileManager.default.contents(atPath: self.base + suffix) ?? Data(), as: UTF8.self)
            }
            unlink(self.base + ".in")
            return Result(code: code, output: text(".out"), errors: text(".err"))
        }
    }

    func start(_ arguments: [String], input: String = "") throws -> Started {
        let base = "\(self.path)/.command-\(UInt32.random(in: 0 ... .max))"
        try input.write(toFile: base + ".in", atomically: false, encoding: .utf8)
        let read = open(base + ".in", O_RDONLY | O_CLOEXEC)
        let write = open(base + ".out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard read >= 0, write >= 0 else { throw FaultTestError("cannot write \(base)") }
        defer {
            close(read)
            close(write)
        }
        let process = try ChildProcess(
            [UsherProcess.binary] + arguments, folder: self.path, errors: base + ".err", input: read, output: write)
        return Started(process: process, base: base)
    }
}

// MARK: Credentials

extension UsherCommands {
    static let key = "flood_test_key"
    /// Its SHA-256.
    private static let digest = "a26484618bcc12167c79f90469f1435084adbe1bd16603459f1994e4a67fb15c"

    /// The key in a file of keys.
    static func keyLine(class callerClass: String = "authenticated") -> String {
        "- { name: acme, class: \(callerClass), sha256: \(self.digest) }\n"
    }

    /// A set with the public key of RFC 8037 appendix A.
    static let keySet =
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"
}
