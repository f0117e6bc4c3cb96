import UsherConfiguration
package import UsherCore
package import UsherSharding
import UsherTransport

/// The table of a sharded service that turns addresses into countries.
package enum CountryFile {
    private static let sizeMaximum = ByteCount.mebibytes(256)

    /// - Throws: a sentence that begins with the path.
    package static func table(_ path: String) throws(TextProblem) -> CountryTable {
        let bytes = try SmallFile.bytes(of: path, atMost: self.sizeMaximum)
        do throws(TextProblem) {
            return try CountryTable(text: bytes.span)
        } catch {
            throw TextProblem("\(path): \(error.message)")
        }
    }

    static func read(_ path: String) throws(NamedFileProblem) -> CountryTable {
        do throws(TextProblem) {
            return try self.table(path)
        } catch {
            throw NamedFileProblem(key: "countries", message: error.message)
        }
    }
}
