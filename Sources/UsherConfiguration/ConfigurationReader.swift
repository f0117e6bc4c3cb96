import UsherCore

/// Reads a configuration strictly: every problem at once, or settings that can be used as they are.
public enum ConfigurationReader {
    /// Reads the file; a relative path starts at the working directory.
    public static func read(
        file: String, environment: [String: String]
    ) throws(ConfigurationProblems) -> Settings {
        let text: String
        do {
            text = try ConfigurationFile.text(of: file)
        } catch {
            throw ConfigurationProblems([error])
        }
        return try read(text: text, file: file, environment: environment)
    }

    /// Reads `text` as if it stood in `file`, whose folder is where relative paths start.
    public static func read(
        text: String, file: String, environment: [String: String]
    ) throws(ConfigurationProblems) -> Settings {
        let root: ConfigurationNode
        do {
            root = try YAMLDocument.read(text, file: file)
        } catch {
            throw ConfigurationProblems([error])
        }
        let path = absolutePath(file, in: workingFolder())
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "/"
        let reading = Reading(file: file, folder: folder, environment: environment)
        if root.isEmpty {
            reading.note("is empty; `usher init` writes a commented starter", at: root.position)
        } else {
            let kind = Settings.shape(file: path, folder: folder).kind(hint: "services: { web: { ... } }")
            if let settings = kind.read(root, reading) {
                let finished = SettingsCheck.finish(settings, root, reading)
                if reading.problems.isEmpty { return finished }
            }
        }
        throw ConfigurationProblems(reading.problems)
    }
}
