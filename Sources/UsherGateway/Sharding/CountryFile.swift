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
