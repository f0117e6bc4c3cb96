internal import Glibc

/// What tells one version of a file from the next; also when another file was put in its place.
package struct FileStamp: Equatable, Sendable {
    private var modified: timespec
    private var size: Int
    private var inode: UInt64

    /// Nil when there is no such file.
    package init?(_ file: String) {
        var status = stat()
        guard stat(file, &status) == 0 else { return nil }
        self.modified = status.st_mtim
        self.size = Int(status.st_size)
        self.inode = UInt64(status.st_ino)
    }

    package static func == (left: FileStamp, right: FileStamp) -> Bool {
        // Two words without padding.
        let isSameTime = withUnsafeBytes(of: left.modified) { left in
            withUnsafeBytes(of: right.modified) { left.elementsEqual($0) }
        }
        return isSameTime && left.size == right.size && left.inode == right.inode
    }
}
