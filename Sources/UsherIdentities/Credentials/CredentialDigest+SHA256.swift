internal import Crypto
package import UsherCore

extension CredentialDigest {
    /// The digest of a credential's bytes as they came.
    package init(of bytes: some Collection<UInt8>) {
        var hash = SHA256()
        // Bytes in a buffer are hashed where they are.
        let count = bytes.withContiguousStorageIfAvailable { buffer in
            hash.update(bufferPointer: UnsafeRawBufferPointer(buffer))
            return buffer.count
        }
        if count == nil { Array(bytes).withUnsafeBytes { hash.update(bufferPointer: $0) } }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in hash.finalize().enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
        self.init(words: (words[0], words[1], words[2], words[3]))
    }
}
