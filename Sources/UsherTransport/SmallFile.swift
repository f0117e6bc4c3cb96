package import UsherCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Reading files whole that are small when they are what they should be.
package enum SmallFile {
    /// Why one cannot be read, in the system's words.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        fileprivate init() { self.description = String(cString: strerror(errno)) }
    }

    /// The whole file.
    ///
    /// - Throws: a sentence that begins with the path.
    package static func bytes(of path: String, atMost limit: ByteCount) throws(TextProblem) -> [UInt8] {
        let bytes: [UInt8]
        do {
            bytes = try self.bytes(of: path, upTo: limit.bytes)
        } catch {
            throw TextProblem("\(path): \(error)")
        }
        guard bytes.count <= limit.bytes else { throw TextProblem("\(path): is larger than \(limit)") }
        return bytes
    }

    /// The file's bytes, and no more than `limit` and a piece of them; blocks while it reads.
    ///
    /// Pipes and devices are not waited for.
    package static func bytes(of path: String, upTo limit: Int) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Failure() }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while bytes.count <= limit {
            let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Failure() }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return bytes
    }
}
