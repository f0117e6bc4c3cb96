internal import Glibc

extension LockedFile {
    /// How long another command is waited for; it takes seconds with the largest file. Unit: milliseconds.
    private static let longestWait = 30_000
    private static let pause = 20

    /// Opens the file and waits until nobody else has its lock.
    static func locked(
        _ path: String, makesFile: Bool
    ) throws(CredentialFileProblem) -> (descriptor: CInt, wasMade: Bool) {
        var wait = 0
        while true {
            let file = try opened(path, makesFile: makesFile)
            if flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 {
                if isNamed(path, file.descriptor) { return file }
                close(file.descriptor)
                continue
            }
            let code = errno
            close(file.descriptor)
            guard code == EWOULDBLOCK || code == EINTR else {
                throw problem(path, "cannot be locked: \(reason(code))")
            }
            guard wait < longestWait else {
                throw problem(path, "is being changed by another command; try again when that has ended")
            }
            usleep(useconds_t(pause * 1000))
            wait += pause
        }
    }

    private static func opened(
        _ path: String, makesFile: Bool
    ) throws(CredentialFileProblem) -> (descriptor: CInt, wasMade: Bool) {
        while true {
            // Not blocking, for the case that the path is a pipe.
            let old = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            if old >= 0 { return (old, false) }
            guard errno == ENOENT else { throw problem(path, "cannot be opened: \(reason(errno))") }
            guard makesFile else { throw problem(path, "does not exist") }
            let new = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if new >= 0 { return (new, true) }
            // Somebody else was quicker: then theirs is opened.
            guard errno == EEXIST else { throw problem(path, "cannot be made: \(reason(errno))") }
        }
    }

    /// Whether the open file still has the name.
    private static func isNamed(_ path: String, _ descriptor: CInt) -> Bool {
        var mine = stat()
        var named = stat()
        guard fstat(descriptor, &mine) == 0, stat(path, &named) == 0 else { return false }
        return mine.st_dev == named.st_dev && mine.st_ino == named.st_ino
    }

    /// What a symbolic link leads to; a path with nothing there stays as it is.
    static func resolved(_ path: String) throws(CredentialFileProblem) -> String {
        if let real = realpath(path, nil) {
            defer { free(real) }
            return String(cString: real)
        }
        guard errno == ENOENT else { throw problem(path, "cannot be opened: \(reason(errno))") }
        var status = stat()
        guard lstat(path, &status) != 0 else {
            throw problem(path, "is a symbolic link to a file that does not exist")
        }
        return path
    }
}
