import ArgumentParser
import UsherConfiguration

/// `usher keys revoke NAME`: forgets all keys of a name.
struct KeysRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Take all keys of a name away, or the name with its password.",
        discussion: """
            Example:
              usher keys revoke acme
              usher keys revoke ann --password

            Exit codes: 0 revoked, 1 there is no such name or the file cannot be changed, 2 wrong usage.
            """)

    @Argument(help: "Whose they are.")
    var name: String

    @Flag(help: "The name with its password, not its keys.")
    var password = false

    @OptionGroup var files: CredentialFiles

    mutating func run() throws {
        if self.password {
            let (file, _) = try self.files.userFile()
            try KeysAddCommand.reporting { () throws(CredentialFileProblem) in
                try CredentialFileEdit.revokeUser(named: self.name, in: file)
            }
            return print("\(self.name) may not log in any more")
        }
        let (keys, _) = try self.files.keyFile()
        let count = try KeysAddCommand.reporting { () throws(CredentialFileProblem) in
            try CredentialFileEdit.revokeKeys(named: self.name, in: keys.file)
        }
        print("\(count) \(count == 1 ? "key" : "keys") of \(self.name) revoked")
    }
}
