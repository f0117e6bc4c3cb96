import ArgumentParser
import CUsherGuard
import Glibc
import UsherGateway

/// Every serving pattern of distributed systems behind one command.
@main
struct Usher: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usher",
        abstract: "Every serving pattern of distributed systems in one binary.",
        discussion: """
            Example:
              usher init                 write a commented usher.yaml
              usher run                  serve what it says
              usher status               see what is ready

            Exit codes: 0 ok, 1 a problem was found, 2 wrong usage.
            """,
        version: Gateway.version,
        subcommands: [
            RunCommand.self, CheckCommand.self, InitCommand.self, SchemaCommand.self, ExplainCommand.self,
            StatusCommand.self, DrainCommand.self, UndrainCommand.self, ReloadCommand.self, CertsCommand.self,
            DevCertCommand.self, KeysCommand.self, QuotasCommand.self, PurgeCommand.self, ShardsCommand.self,
            LoadCommand.self, AdviseCommand.self,
        ])

    static func main() async {
        // A supervised process's guard is this binary under another name; it must start before anything else does.
        if usher_guard_wanted(CommandLine.argc, CommandLine.unsafeArgv) {
            Glibc.exit(usher_guard_main(CommandLine.argc, CommandLine.unsafeArgv))
        }
        do {
            var command = try self.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            self.leave(error)
        }
    }

    /// The parser's exit code for wrong usage is 64; ours is 2.
    private static func leave(_ error: any Error) -> Never {
        let code = self.exitCode(for: error)
        guard code == .validationFailure else { self.exit(withError: error) }
        printError(self.fullMessage(for: error))
        Glibc.exit(2)
    }
}
