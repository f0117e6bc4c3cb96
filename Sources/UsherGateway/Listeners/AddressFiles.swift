import Logging
import UsherConfiguration
import UsherCore
import UsherTransport

/// The files of `limits.allow` and `limits.deny`: read once, and anew when they change.
struct AddressFiles: Sendable {
    private struct File: Sendable {
        var path: String
        var list: AddressList
        /// Of what `list` was read from.
        var stamp: FileStamp?
        /// At the last look: a file that is still being written is not what its author means.
        var seen: FileStamp?
        /// The version that was complained about.
        var refused: FileStamp?
    }

    private static let sizeMaximum = ByteCount.mebibytes(64)

    private var allow: File?
    private var deny: File?

    init() {}

    /// - Throws: a list that cannot be read keeps out nobody, or everybody.
    init(_ settings: LimitSettings) throws(NamedFileProblem) {
        self.allow = try Self.file("allow", settings.allowFile)
        self.deny = try Self.file("deny", settings.denyFile)
    }

    /// What cannot be used.
    static func problems(_ settings: LimitSettings) -> [NamedFileProblem] {
        [("allow", settings.allowFile), ("deny", settings.denyFile)].compactMap { key, path in
            do throws(NamedFileProblem) {
                _ = try self.file(key, path)
                return nil
            } catch {
                return error
            }
        }
    }

    var rules: AddressRules { AddressRules(allow: self.allow?.list, deny: self.deny?.list) }

    /// Whether these are the same files, as far as the configuration says.
    func isOf(_ other: AddressFiles) -> Bool {
        self.allow?.path == other.allow?.path && self.deny?.path == other.deny?.path
    }

    /// Looks for files that have changed; the rules, when they are others now.
    mutating func refresh(_ logger: Logger) -> AddressRules? {
        let before = self.rules
        Self.refresh(&self.allow, logger)
        Self.refresh(&self.deny, logger)
        let rules = self.rules
        return rules == before ? nil : rules
    }

    private static func refresh(_ file: inout File?, _ logger: Logger) {
        guard var known = file else { return }
        defer { file = known }
        let stamp = FileStamp(known.path)
        let isStill = stamp == known.seen
        known.seen = stamp
        guard isStill, stamp != known.stamp, stamp != known.refused else { return }
        do {
            known.list = try self.read(known.path)
            known.stamp = stamp
            logger.notice(
                "a list of addresses has changed",
                metadata: ["file": "\(known.path)", "networks": "\(known.list.count)"])
        } catch {
            known.refused = stamp
            logger.error(
                "a changed list of addresses is not used",
                metadata: ["file": "\(known.path)", "problem": "\(error.message)"])
        }
    }

    private static func file(_ key: String, _ path: String?) throws(NamedFileProblem) -> File? {
        guard let path else { return nil }
        let stamp = FileStamp(path)
        do throws(TextProblem) {
            return File(path: path, list: try self.read(path), stamp: stamp, seen: stamp)
        } catch {
            throw NamedFileProblem(key: key, message: error.message)
        }
    }

    private static func read(_ path: String) throws(TextProblem) -> AddressList {
        let bytes = try SmallFile.bytes(of: path, atMost: Self.sizeMaximum)
        do {
            return try AddressList(text: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw TextProblem("\(path): \(error.message)")
        }
    }
}
