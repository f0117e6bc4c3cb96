import FoundationEssentials
import Logging
import UsherConfiguration
import UsherCore

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

    private static let sizeMaximum = 64 << 20

    private var allow: File?
    private var deny: File?

    init() {}

    /// - Throws: `GatewayError`: a list that cannot be read keeps out nobody, or everybody.
    init(_ settings: LimitSettings) throws(GatewayError) {
        if let problem = Self.problems(settings).first {
            throw GatewayError("limits.\(problem.key): \(problem.message)")
        }
        self.allow = try? settings.allowFile.map(Self.file)
        self.deny = try? settings.denyFile.map(Self.file)
    }

    /// What cannot be used, by the key that names it.
    static func problems(_ settings: LimitSettings) -> [(key: String, message: String)] {
        [("allow", settings.allowFile), ("deny", settings.denyFile)].compactMap { key, path in
            guard let path else { return nil }
            do throws(TextProblem) {
                _ = try self.read(path)
                return nil
            } catch {
                return (key, "\(path): \(error.message)")
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

    private static func file(_ path: String) throws(TextProblem) -> File {
        let stamp = FileStamp(path)
        return File(path: path, list: try self.read(path), stamp: stamp, seen: stamp)
    }

    private static func read(_ path: String) throws(TextProblem) -> AddressList {
        let text: String
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            guard data.count <= Self.sizeMaximum else { throw TextProblem("is larger than 64MiB") }
            text = String(decoding: data, as: UTF8.self)
        } catch let problem as TextProblem {
            throw problem
        } catch {
            throw TextProblem("cannot be read; it is a text file with a network, such as 10.0.0.0/8, a line")
        }
        return try AddressList(text: text)
    }
}
