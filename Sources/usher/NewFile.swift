import Glibc

/// Writes a file that must not be there yet.
///
/// - Returns: nil, or why it was not written: nothing of it is left then, and what was there is as it was.
func writeNewFile(_ path: String, _ text: String, mode: mode_t = 0o644) -> String? {
    // O_EXCL leaves no moment between looking and writing, and follows no symbolic link.
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
        return errno == EEXIST ? "exists already and is left as it is" : String(cString: strerror(errno))
    }
    let bytes = Array(text.utf8)
    let isWritten = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count
    guard close(descriptor) == 0, isWritten else {
        let reason = String(cString: strerror(errno))
        // Half a file is worse than none.
        unlink(path)
        return "cannot be written: \(reason)"
    }
    return nil
}
