internal import Glibc

/// A file that is changed by one command at a time, and as a whole or not at all.
///
/// The lock is the file's own (`flock`) and ends with this value or with the process. A change gives the name to
/// another file, so who waited for the old one's lock looks again whether it still has the name.
struct LockedFile: ~Copyable {
    /// The file itself when the path is a symbolic link: the link stays one.
    private let path: String
    private let descriptor: CInt
    private let wasMade: Bool

    /// - Parameter makesFile: an empty one (mode 600) is made when there is none.
    init(path: String, makesFile: Bool) throws(CredentialFileProblem) {
        let path = try Self.resolved(path)
        let (descriptor, wasMade) = try Self.locked(path, makesFile: makesFile)
        self.path = path
        self.descriptor = descriptor
        self.wasMade = wasMade
    }

    deinit {
        close(descriptor)
    }

    func text() throws(ConfigurationProblems) -> String {
        do throws(ConfigurationProblem) {
            return try CredentialText.text(of: descriptor, file: path)
        } catch {
            throw ConfigurationProblems([error])
        }
    }

    /// Takes an empty file away that was made for a change which did not come about.
    func discardIfMade() {
        var status = stat()
        if wasMade, fstat(descriptor, &status) == 0, status.st_size == 0 { unlink(path) }
    }

    /// Writes the text aside, with the old file's owner and mode, and gives it the name when it is on the disk.
    func replace(with text: String) throws(CredentialFileProblem) {
        let (folder, name) = Self.parted(path)
        // Whoever has the lock is alone, so one name is enough, and what a crash left there is not needed.
        let aside = "\(folder)/.\(name).new"
        unlink(aside)
        let file = open(aside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            throw Self.problem(path, "cannot be changed: no file can be made in \(folder): \(Self.reason(errno))")
        }
        var isDone = false
        defer {
            close(file)
            // Once it has the name, what stands aside is the next command's.
            if !isDone { unlink(aside) }
        }
        try keepOwner(on: file)
        guard Self.write(Array(text.utf8), to: file), fsync(file) == 0 else {
            throw Self.problem(path, "cannot be written: \(Self.reason(errno)); it is as it was")
        }
        guard (try? CredentialText.text(of: file, file: aside)) == text else {
            throw Self.problem(path, "was not written right by the disk; it is as it was")
        }
        guard rename(aside, path) == 0 else {
            throw Self.problem(path, "cannot be replaced: \(Self.reason(errno)); it is as it was")
        }
        isDone = true
        Self.sync(folder: folder)
    }

    /// Another owner could not read it, or others could; so then nothing is changed.
    private func keepOwner(on file: CInt) throws(CredentialFileProblem) {
        var old = stat()
        var new = stat()
        guard fstat(descriptor, &old) == 0, fstat(file, &new) == 0 else {
            throw Self.problem(path, "cannot be looked at: \(Self.reason(errno))")
        }
        if old.st_uid != new.st_uid || old.st_gid != new.st_gid, fchown(file, old.st_uid, old.st_gid) != 0 {
            throw Self.problem(path, "would change its owner or group; run the command as its owner or as root")
        }
        guard fchmod(file, old.st_mode & 0o777) == 0 else {
            throw Self.problem(path, "cannot keep its mode: \(Self.reason(errno))")
        }
    }
}

extension LockedFile {
    private static func parted(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        return (slash == path.startIndex ? "/." : String(path[..<slash]), String(path[path.index(after: slash)...]))
    }

    /// Whether all of it was written.
    private static func write(_ bytes: [UInt8], to file: CInt) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// The new name itself is on the disk as well; a file system that cannot say so is believed.
    private static func sync(folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    static func reason(_ code: CInt) -> String {
        switch code {
        case ENOENT: "its folder does not exist; make it first"
        case EACCES, EPERM: "this user must not; run the command as the owner of the file or as root"
        default: String(cString: strerror(code))
        }
    }

    static func problem(_ path: String, _ message: String) -> CredentialFileProblem {
        CredentialFileProblem("\(path) \(message)")
    }
}
