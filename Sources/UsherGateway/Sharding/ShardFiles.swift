import Crypto
import FoundationEssentials
import UsherConfiguration
import UsherCore
import UsherSharding
import UsherTransport

/// The table of a sharded service that turns addresses into countries.
enum CountryFile {
    private static let sizeMaximum = ByteCount.mebibytes(256)

    static func read(_ path: String) throws(NamedFileProblem) -> CountryTable {
        do throws(TextProblem) {
            let bytes = try SmallFile.bytes(of: path, atMost: self.sizeMaximum)
            do throws(TextProblem) {
                return try CountryTable(text: bytes.span)
            } catch {
                throw TextProblem("\(path): \(error.message)")
            }
        } catch {
            throw NamedFileProblem(key: "countries", message: error.message)
        }
    }
}

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
