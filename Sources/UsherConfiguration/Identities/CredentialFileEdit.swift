internal import UsherCore

/// Adds entries to files of keys and users and revokes them, as commands do.
///
/// One command at a time changes a file (see `LockedFile`), and what it writes was read back first: a file that a
/// command leaves behind can be read, and says what it said before and the change.
package enum CredentialFileEdit {
    /// Adds a key at the end of the file, which is made (mode 600) when it is missing.
    package static func add(
        _ key: KeyFile.Entry, to file: String, classes: [String]
    ) throws(CredentialFileProblem) {
        try add(key, file, classes) { "this key is in \(file) already, as '\($0.name)'" }
    }

    /// Adds a user at the end of the file, which is made (mode 600) when it is missing.
    package static func add(
        _ user: UserFile.Entry, to file: String, classes: [String]
    ) throws(CredentialFileProblem) {
        try add(user, file, classes) { "\(file) has a user '\($0.name)' already; revoke that one first" }
    }

    /// Removes every key of this name.
    ///
    /// - Returns: how many there were, at least one.
    package static func revokeKeys(named name: String, in file: String) throws(CredentialFileProblem) -> Int {
        try revoke(KeyFile.Entry.self, name, file)
    }

    /// Removes the user.
    package static func revokeUser(named name: String, in file: String) throws(CredentialFileProblem) {
        _ = try revoke(UserFile.Entry.self, name, file)
    }

    private static func add<Entry: CredentialEntry>(
        _ entry: Entry, _ file: String, _ classes: [String], clash: (Entry) -> String
    ) throws(CredentialFileProblem) {
        try check(entry, classes)
        let locked = try LockedFile(path: file, makesFile: true)
        do throws(CredentialFileProblem) {
            let edit: CredentialListEdit<Entry> = try edit(of: locked, file)
            if let other = edit.entries.first(where: { $0.unique == entry.unique }) {
                throw CredentialFileProblem(clash(other))
            }
            try replace(locked, by: edit.adding(entry), file)
        } catch {
            locked.discardIfMade()
            throw error
        }
    }

    private static func revoke<Entry: CredentialEntry>(
        _: Entry.Type, _ name: String, _ file: String
    ) throws(CredentialFileProblem) -> Int {
        let locked = try LockedFile(path: file, makesFile: false)
        let edit: CredentialListEdit<Entry> = try edit(of: locked, file)
        let count = edit.entries.count { $0.name == name }
        guard count > 0 else {
            let hint = Spelling.hint(for: name, among: Set(edit.entries.map(\.name)).sorted())
            throw CredentialFileProblem("there is no '\(shown(name))' in \(file)\(hint)")
        }
        try replace(locked, by: edit.removing(named: name), file)
        return count
    }

    /// An entry that could not be read back has its own message, before any file is touched.
    private static func check<Entry: CredentialEntry>(
        _ entry: Entry, _ classes: [String]
    ) throws(CredentialFileProblem) {
        let list = CredentialList<Entry>(file: "", kind: Entry.kind(classes: classes))
        let read: [Entry]
        do throws(ConfigurationProblems) {
            read = try list.read(entry.line).map(\.entry)
        } catch {
            let messages = error.problems.map { problem in
                let key = problem.keyPath.split(separator: ".").last.map(String.init) ?? ""
                return "\(key): \(problem.message)"
            }
            throw CredentialFileProblem("cannot add '\(shown(entry.name))': \(messages.joined(separator: "; "))")
        }
        guard read == [entry] else {
            throw CredentialFileProblem("'\(shown(entry.name))' cannot be written into a file")
        }
    }

    private static func edit<Entry: CredentialEntry>(
        of locked: borrowing LockedFile, _ file: String
    ) throws(CredentialFileProblem) -> CredentialListEdit<Entry> {
        do throws(ConfigurationProblems) {
            return try CredentialListEdit(locked.text(), file: file)
        } catch {
            throw CredentialFileProblem("\(error)\nnothing was changed; put this right first")
        }
    }

    private static func replace(
        _ locked: borrowing LockedFile, by text: String?, _ file: String
    ) throws(CredentialFileProblem) {
        guard let text else {
            throw CredentialFileProblem(
                "\(file) cannot be changed without losing something; change it with an editor, one entry a line")
        }
        guard text.utf8.count <= CredentialText.longest else {
            throw CredentialFileProblem("\(file) would be larger than \(ByteCount(bytes: CredentialText.longest))")
        }
        try locked.replace(with: text)
    }
}

/// Why a file was not changed, and what to do about it; whole sentences, the first one line.
package struct CredentialFileProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
