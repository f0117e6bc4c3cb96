internal import Glibc
internal import UsherCore

/// Brings a list of credentials into memory, or says in one line why not.
enum CredentialText {
    /// Half a million entries. Unit: bytes.
    static let longest = 64 << 20

    static func read(_ file: String) throws(ConfigurationProblems) -> String {
        do throws(ConfigurationProblem) {
            // Without O_NONBLOCK opening a pipe that nobody writes to would never return.
            let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { throw problem(reason(errno), file) }
            defer { close(descriptor) }
            return try text(of: descriptor, file: file)
        } catch {
            throw ConfigurationProblems([error])
        }
    }

    /// The text of an open file, from its start.
    static func text(of descriptor: CInt, file: String) throws(ConfigurationProblem) -> String {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw problem(reason(errno), file) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw problem("is not a regular file", file) }
        let bytes = try bytes(of: descriptor, size: Int(status.st_size), file)
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        // A line feed is never a part of another character, so each line can be looked at alone.
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let line = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
        throw YAMLDocument.problem(
            "is not UTF-8 text; save the file as UTF-8", at: .init(line: line + 1, column: 1), file: file)
    }

    private static func bytes(
        of descriptor: CInt, size: Int, _ file: String
    ) throws(ConfigurationProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(size, longest))
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        // The file may have grown since its size was asked for.
        while bytes.count <= longest {
            let count = pread(descriptor, &chunk, chunk.count, bytes.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw problem(reason(errno), file) }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
        throw problem("is larger than \(ByteCount(bytes: longest)), the most that is read", file)
    }

    private static func reason(_ code: CInt) -> String {
        switch code {
        case ENOENT: "does not exist"
        case EACCES: "must not be read by this user"
        case ENOTDIR: "lies below something that is not a folder"
        default: "cannot be read: \(String(cString: strerror(code)))"
        }
    }

    private static func problem(_ message: String, _ file: String) -> ConfigurationProblem {
        YAMLDocument.problem(message, at: nil, file: file)
    }
}
