import Glibc
import UsherCore

/// Brings a file's text into memory, or says in one line why not.
enum ConfigurationFile {
    /// 1,000 routes take about 200 KiB.
    static let sizeMaximum = 4 << 20

    static func text(of file: String) throws(ConfigurationProblem) -> String {
        // Without O_NONBLOCK opening a pipe that nobody writes to would never return.
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw problem(reason(errno), file) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw problem(reason(errno), file) }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw problem("is a folder; name the file in it, such as \(shown(file))/usher.yaml", file)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw problem("is not a regular file", file) }
        guard status.st_size <= sizeMaximum else { throw tooLarge(file) }
        return try text(from: try bytes(of: descriptor, file: file), file: file)
    }

    private static func bytes(of descriptor: CInt, file: String) throws(ConfigurationProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw problem(reason(errno), file) }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
            // The file may have grown since its size was asked for.
            guard bytes.count <= sizeMaximum else { throw tooLarge(file) }
        }
    }

    private static func text(from bytes: [UInt8], file: String) throws(ConfigurationProblem) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        // A line feed is never a part of another character, so each line can be looked at alone.
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let line = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
        throw ConfigurationProblem(
            file: file, line: line + 1, column: 1, keyPath: "", message: "is not UTF-8 text; save the file as UTF-8")
    }

    private static func reason(_ code: CInt) -> String {
        switch code {
        case ENOENT: "does not exist; `usher init` writes a commented starter"
        case EACCES: "must not be read by this user"
        case ENOTDIR: "lies below something that is not a folder"
        default: "cannot be read: \(String(cString: strerror(code)))"
        }
    }

    private static func tooLarge(_ file: String) -> ConfigurationProblem {
        problem("is larger than \(ByteCount(bytes: sizeMaximum)), the most that is read", file)
    }

    private static func problem(_ message: String, _ file: String) -> ConfigurationProblem {
        YAMLDocument.problem(message, at: nil, file: file)
    }
}

/// The working directory, or the root when it has been removed.
func workingFolder() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
}

/// `path` itself when it is absolute, else below `folder`; an empty folder leaves it relative.
func absolutePath(_ path: String, in folder: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    var rest = path[...]
    while rest.hasPrefix("./") {
        rest = rest.dropFirst(2)
        while rest.hasPrefix("/") { rest = rest.dropFirst() }
    }
    if rest.isEmpty || rest == "." { return folder }
    return folder.isEmpty ? String(rest) : (folder == "/" ? "" : folder) + "/" + rest
}
