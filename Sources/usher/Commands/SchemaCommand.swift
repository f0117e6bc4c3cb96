import ArgumentParser
import UsherConfiguration

/// `usher schema`: what an editor needs to complete and check `usher.yaml`.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of the configuration, for editors.",
        discussion: """
            Example:
              usher schema > usher.schema.json

            Then the first line of usher.yaml tells the editor where it is:
              # yaml-language-server: $schema=usher.schema.json
            """)

    mutating func run() throws {
        print(configurationSchema(), terminator: "")
    }
}
