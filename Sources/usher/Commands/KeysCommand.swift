import ArgumentParser
import Foundation
import UsherConfiguration

/// `usher keys`: who may call with an API key or a password.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Add, list and revoke API keys, and names with passwords.",
        discussion: """
            Example:
              usher keys add acme --class gold
              usher keys list
              usher keys revoke acme

            The files are those of `identities.keys` and `identities.basic` in usher.yaml. They hold hashes only, and a
            running Usher takes a change over within two seconds.
            Exit codes: 0 ok, 1 a problem was found, 2 wrong usage.
            """,
        subcommands: [KeysAddCommand.self, KeysListCommand.self, KeysRevokeCommand.self])
}

/// Which files the commands work on.
struct CredentialFiles: ParsableArguments {
    @Option(name: .customLong("file"), help: "The configuration that names the files.")
    var configuration = "usher.yaml"

    func identities() throws -> IdentitySettings {
        do throws(ConfigurationProblems) {
            return try ConfigurationReader.read(
                file: self.configuration, environment: ProcessInfo.processInfo.environment
            ).identities
        } catch {
            printError("\(error)")
            throw ExitCode(1)
        }
    }

    func keyFile() throws -> (keys: KeySettings, classes: [String]) {
        let identities = try self.identities()
        guard let keys = identities.keys else {
            throw self.missing("identities: { keys: { file: keys.yaml } }")
        }
        return (keys, identities.knownClassNames)
    }

    func userFile() throws -> (file: String, classes: [String]) {
        let identities = try self.identities()
        guard let file = identities.basicFile else {
            throw self.missing("identities: { basic: { file: users.yaml } }")
        }
        return (file, identities.knownClassNames)
    }

    private func missing(_ lines: String) -> any Error {
        printError("\(self.configuration) names no file for that; add: \(lines)")
        return ExitCode(1)
    }
}
