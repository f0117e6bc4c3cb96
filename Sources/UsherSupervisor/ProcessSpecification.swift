/// What has to be started for one replica: the result of filling a port into the `run:` of a service.
public struct ProcessSpecification: Sendable, Hashable {
    /// The program and its arguments; a program without a slash is looked up in `PATH`, never through a shell.
    public var command: [String]
    /// Where the command starts: the folder of the configuration file.
    public var folder: String
    /// Variables set on top of the environment that Usher itself was started with.
    public var environment: [String: String]

    public init(command: [String], folder: String, environment: [String: String] = [:]) {
        self.command = command
        self.folder = folder
        self.environment = environment
    }
}
