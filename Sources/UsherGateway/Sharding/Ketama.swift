import Crypto
import UsherSharding

/// The hash that places keys and shards on a ring as libketama does.
enum Ketama {
    static let digest: KetamaDigest = { bytes in
        var words = SIMD4<UInt32>()
        let digest = bytes.withUnsafeBytes { Insecure.MD5.hash(data: $0) }
        for (index, byte) in digest.enumerated() {
            words[index / 4] |= UInt32(byte) << UInt32(8 * (index % 4))
        }
        return words
    }
}
