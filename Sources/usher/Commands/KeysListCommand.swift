import ArgumentParser
import Foundation
import UsherConfiguration
import UsherConsole
import UsherCore

/// `usher keys list`: whose keys and passwords are known.
struct KeysListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List whose keys and passwords are known; the keys themselves are nowhere.",
        discussion: """
            Example:
              usher keys list

            Exit codes: 0 ok, 1 a file cannot be read, 2 wrong usage.
            """)

    @OptionGroup var files: CredentialFiles

    @Flag(help: "Print JSON.")
    var json = false

    mutating func run() throws {
        let identities = try self.files.identities()
        let classes = identities.knownClassNames
        let listed =
            try Self.keys(identities.keys?.file, classes) + Self.users(identities.basicFile, classes)
        print(self.json ? try prettyJSON(["credentials": listed]) : ListedCredential.text(listed, Terminal.style))
    }

    private static func keys(_ file: String?, _ classes: [String]) throws -> [ListedCredential] {
        guard let file, FileManager.default.fileExists(atPath: file) else { return [] }
        let entries: [KeyFile.Entry]
        do throws(ConfigurationProblems) {
            entries = try KeyFile.read(file: file, classes: classes).entries
        } catch {
            throw self.failure(error)
        }
        return entries.map { entry in
            ListedCredential(
                name: entry.name, callerClass: entry.callerClass, kind: "key", sha256: entry.digest.hexadecimal)
        }
    }

    private static func users(_ file: String?, _ classes: [String]) throws -> [ListedCredential] {
        guard let file, FileManager.default.fileExists(atPath: file) else { return [] }
        let entries: [UserFile.Entry]
        do throws(ConfigurationProblems) {
            entries = try UserFile.read(file: file, classes: classes).entries
        } catch {
            throw self.failure(error)
        }
        return entries.map { entry in
            ListedCredential(name: entry.name, callerClass: entry.callerClass, kind: "password", sha256: nil)
        }
    }

    private static func failure(_ problems: ConfigurationProblems) -> ExitCode {
        printError("\(problems)")
        return ExitCode(1)
    }
}
