import FoundationEssentials
import Testing
import UsherConfiguration

@Suite struct ConfigurationFileTests {
    /// A folder that is gone when the body returns.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/usher-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func problem(of file: String) -> String {
        do {
            _ = try ConfigurationReader.read(file: file, environment: [:])
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test("a file is read, with its own folder as the start of paths")
    func file() throws {
        try withFolder { folder in
            try Data(starterConfiguration.utf8).write(to: URL(filePath: folder + "/u.yaml"))
            let settings = try ConfigurationReader.read(file: folder + "/u.yaml", environment: [:])
            #expect(settings.folder == folder)
            #expect(settings.routes.count == 2)
        }
    }

    @Test("what cannot be read says why in one line")
    func unreadable() throws {
        try withFolder { folder in
            #expect(problem(of: folder) == "\(folder): is a folder; name the file in it, such as \(folder)/usher.yaml")
            let missing = folder + "/none.yaml"
            #expect(problem(of: missing) == "\(missing): does not exist; `usher init` writes a commented starter")
            #expect(problem(of: "/dev/null") == "/dev/null: is not a regular file")
            let binary = folder + "/binary.yaml"
            try Data([0x61, 0x3A, 0x20, 0x62, 0x0A, 0x63, 0xFF, 0xFE, 0x0A]).write(to: URL(filePath: binary))
            #expect(problem(of: binary) == "\(binary):2:1: is not UTF-8 text; save the file as UTF-8")
            #expect(problem(of: binary + "/x") == "\(binary)/x: lies below something that is not a folder")
            let large = folder + "/large.yaml"
            try Data(repeating: 0x23, count: (4 << 20) + 1).write(to: URL(filePath: large))
            #expect(problem(of: large) == "\(large): is larger than 4MiB, the most that is read")
        }
    }
}
