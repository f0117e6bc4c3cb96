import Foundation

/// A log as a stream of bytes: a file or standard input, unpacked on the way when gzip packed it.
final class LogInput {
    /// What keeps a log from being read.
    struct Problem: Error {
        var message: String
    }

    let name: String
    /// Where the log's own bytes come from; another descriptor of the same place gives those that are read.
    private let file: Int32
    private let source: Int32
    private var unpacker: pid_t?
    /// Read while looking what it is.
    private var first: [UInt8]
    private let size: Int

    /// - Parameter path: `-`: standard input.
    init(_ path: String) throws(Problem) {
        name = path == "-" ? "standard input" : path
        let file = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Problem(message: "\(path): cannot be read: \(String(cString: strerror(errno)))") }
        var status = stat()
        size = fstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
        self.file = file
        first = [0, 0]
        var count = 0
        while count < 2 {
            let read = first.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress?.advanced(by: count), 2 - count) }
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else {
                throw Problem(message: "\(path): cannot be read: \(String(cString: strerror(errno)))")
            }
            if read == 0 { break }
            count += read
        }
        first.removeSubrange(count...)
        guard first == Self.gzipMark else {
            source = file
            return
        }
        (source, unpacker) = try Self.unpack(file, first, name)
        first = []
    }

    deinit {
        if source != file { close(source) }
        if file != STDIN_FILENO { close(file) }
    }

    /// The share of the file that has been read; nil: it is not known how long it is.
    var progress: Double? {
        let position = lseek(file, 0, SEEK_CUR)
        return size > 0 && position >= 0 ? min(Double(position) / Double(size), 1) : nil
    }

    /// Fills the buffer as far as there is something; 0 at the end.
    func read(into buffer: inout [UInt8]) throws(Problem) -> Int {
        if !first.isEmpty {
            let count = first.count
            buffer.replaceSubrange(..<count, with: first)
            first = []
            return count
        }
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(source, $0.baseAddress, $0.count) }
            if count >= 0 { return count }
            guard errno == EINTR else {
                throw Problem(message: "\(name): cannot be read: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// What went wrong with unpacking, once everything has been read; nil: nothing.
    func end() -> String? {
        guard let unpacker else { return nil }
        self.unpacker = nil
        var status: Int32 = 0
        while waitpid(unpacker, &status, 0) < 0, errno == EINTR {}
        return status == 0 ? nil : "\(name): is broken or cut off as a gzip file; what came before that is counted"
    }

    // MARK: gzip

    /// RFC 1952 §2.3.1.
    private static let gzipMark: [UInt8] = [0x1F, 0x8B]

    /// Starts `gzip -dc` between the file and us.
    private static func unpack(
        _ file: Int32, _ first: [UInt8], _ name: String
    ) throws(Problem) -> (source: Int32, process: pid_t) {
        let isSeekable = lseek(file, -off_t(first.count), SEEK_CUR) >= 0
        let input = isSeekable ? (read: file, write: Int32(-1)) : try pipe(name)
        let output = try pipe(name)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input.read, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO)
        // What it says names no file; `end` does.
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("gzip"), strdup("-dc"), nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let result = posix_spawnp(&process, "gzip", &actions, nil, arguments, environ)
        close(output.write)
        if !isSeekable { close(input.read) }
        guard result == 0 else {
            throw Problem(
                message:
                    "\(name): is packed by gzip, and `gzip` cannot be started: \(String(cString: strerror(result)))")
        }
        if !isSeekable { feed(first, file, to: input.write) }
        return (output.read, process)
    }

    private static func pipe(_ name: String) throws(Problem) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else {
            throw Problem(message: "\(name): no pipe to gzip: \(String(cString: strerror(errno)))")
        }
        // Else gzip would keep its own input open, and wait for its end for ever.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Passes on what was read already and all that comes, beside us reading the other end.
    private static func feed(_ first: [UInt8], _ file: Int32, to pipe: Int32) {
        Thread.detachNewThread {
            var chunk = first
            while !chunk.isEmpty {
                var rest = chunk[...]
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes { write(pipe, $0.baseAddress, $0.count) }
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { break }
                    rest = rest.dropFirst(count)
                }
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                let count =
                    rest.isEmpty ? buffer.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) } : 0
                chunk = Array(buffer.prefix(max(count, 0)))
            }
            close(pipe)
        }
    }
}
