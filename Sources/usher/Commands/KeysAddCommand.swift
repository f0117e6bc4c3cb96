import ArgumentParser
import Foundation
import UsherConfiguration
import UsherCore
import UsherIdentities

/// `usher keys add NAME`: makes a key, or takes a password, and keeps its hash.
struct KeysAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Make an API key, print it once, and keep its hash.",
        discussion: """
            Example:
              usher keys add acme --class gold
              usher keys add ann --password          asks for a password instead, for HTTP basic authentication

            The key alone goes to standard output. A name may have several keys, so that a new one can be given out
            before the old one is revoked.
            Exit codes: 0 added, 1 a problem was found, 2 wrong usage.
            """)

    @Argument(help: "Who calls with it; services and logs get this name.")
    var name: String

    @Option(name: .customLong("class"), help: "One of the classes of `identities`.")
    var callerClass = "authenticated"

    @Flag(help: "A name with a password instead: from the terminal, or the first line of standard input.")
    var password = false

    @OptionGroup var files: CredentialFiles

    @Flag(help: "Print JSON.")
    var json = false

    private struct Added: Encodable {
        var name: String
        var `class`: String
        var file: String
        var key: String?
    }

    mutating func run() throws {
        if self.password { try self.addUser() } else { try self.addKey() }
    }

    private func addKey() throws {
        let (keys, classes) = try self.files.keyFile()
        let key = APIKey.make()
        let entry = KeyFile.Entry(name: self.name, callerClass: self.callerClass, digest: APIKey.digest(of: key))
        try Self.reporting { () throws(CredentialFileProblem) in
            try CredentialFileEdit.add(entry, to: keys.file, classes: classes)
        }
        if self.json {
            return print(
                try prettyJSON(Added(name: self.name, class: self.callerClass, file: keys.file, key: key)))
        }
        print(key)
        printError("This is the only time it is shown. Its owner sends it as `\(keys.header): KEY`.")
    }

    private func addUser() throws {
        let (file, classes) = try self.files.userFile()
        let hash: PasswordHash
        do {
            hash = try PasswordHash.make(password: try self.readPassword())
        } catch let problem as TextProblem {
            printError(problem.message)
            throw ExitCode(1)
        }
        let entry = UserFile.Entry(name: self.name, callerClass: self.callerClass, hash: "\(hash)")
        try Self.reporting { () throws(CredentialFileProblem) in
            try CredentialFileEdit.add(entry, to: file, classes: classes)
        }
        if self.json {
            print(try prettyJSON(Added(name: self.name, class: self.callerClass, file: file)))
        } else {
            print("\(self.name) may log in with this password")
        }
    }

    private func readPassword() throws -> String {
        guard isatty(STDIN_FILENO) == 1 else { return readLine(strippingNewline: true) ?? "" }
        guard let first = Self.ask("Password: "), let second = Self.ask("Once more: ") else { throw ExitCode(1) }
        guard first == second else {
            printError("the two are not the same; nothing was changed")
            throw ExitCode(1)
        }
        return first
    }

    private static func ask(_ prompt: String) -> String? {
        getpass(prompt).map { String(cString: $0) }
    }

    static func reporting<Result>(_ edit: () throws(CredentialFileProblem) -> Result) throws -> Result {
        do {
            return try edit()
        } catch {
            printError("\(error)")
            throw ExitCode(1)
        }
    }
}
