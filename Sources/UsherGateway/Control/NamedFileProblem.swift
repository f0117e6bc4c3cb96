/// Why something that a file named in the configuration holds cannot be used.
struct NamedFileProblem: Error, Sendable {
    /// The key that names the file, in its own mapping: `deny`, `keys`.
    var key: String
    var message: String
}
