/// What came of reading the configuration anew: the answer of `/api/v1/reload`.
package struct ReloadReport: Codable, Sendable, Hashable {
    package var outcome: Outcome
    /// What is wrong with the file, each with its place as `FILE:LINE:COLUMN`; empty unless refused.
    package var problems: [String]
    /// How the new configuration differs from the one that was in force.
    package var changes: [Change]
    /// What a person should know beside it, each a sentence.
    package var notes: [String]

    package enum Outcome: String, Codable, Sendable, Hashable {
        case applied
        /// The file says what is in force.
        case unchanged
        /// A dry run of a file that can be used.
        case wouldApply = "would-apply"
        /// The file cannot be used; what was in force stays.
        case refused
    }

    /// One setting that differs.
    package struct Change: Codable, Sendable, Hashable {
        /// The key's path: `services.web.retries.attempts`.
        package var path: String
        package var kind: Kind
        /// The value in force, secrets masked.
        package var old: String?
        package var new: String?
        /// Whether it takes effect only when Usher is started anew.
        package var needsRestart: Bool

        enum CodingKeys: String, CodingKey {
            case path, kind, old, new
            case needsRestart = "needs-restart"
        }

        package init(path: String, kind: Kind, old: String? = nil, new: String? = nil, needsRestart: Bool = false) {
            self.path = path
            self.kind = kind
            self.old = old
            self.new = new
            self.needsRestart = needsRestart
        }
    }

    package enum Kind: String, Codable, Sendable, Hashable {
        case added, removed, changed
    }

    package init(outcome: Outcome, problems: [String] = [], changes: [Change] = [], notes: [String] = []) {
        self.outcome = outcome
        self.problems = problems
        self.changes = changes
        self.notes = notes
    }
}
