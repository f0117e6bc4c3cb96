internal import UsherCore

/// What a log does not tell, and what that leaves open.
struct EvidenceNotes: Sendable {
    /// True before any key is known.
    private(set) var general: [String] = []
    private var lacksLanguage = false
    private var lacksUsers = false

    init() {}

    init(_ head: LogHead, _ set: FieldSet, _ rule: AnswerRule, _ options: Advisor.Options) {
        lacksLanguage = !set.fields.contains(.language)
        lacksUsers = !set.fields.contains { if case .variable(.cookie) = $0 { true } else { $0 == .identity } }
        if rule.sign == .url {
            general.append(
                "Neither sizes nor entity tags of this log tell answers apart, so different URLs are taken for "
                    + "different answers, and nothing else is found to be too general. Log bytes or the ETag.")
        }
        if !set.fields.contains(.address) {
            general.append("No client addresses in the log: keys with {source-address} cannot be judged.")
        } else if !set.fields.contains(.country) {
            let coarser = set.fields.contains(.variable(.sourceAddress(prefix: 48))) ? "/24 and /48" : "/24"
            general.append(
                options.countries == nil
                    ? "Countries cannot be judged without a table (--countries FILE); {source-address\(coarser)} "
                        + "stands for them."
                    : "The table of countries knows hardly an address of this log.")
        } else if options.countries == nil {
            general.append(
                "Countries are judged by what the log says of them; Usher needs a table, lines such as 192.0.2.0/24,FR."
            )
        }
        if head.share({ $0.microseconds != nil }) < 0.5 {
            general.append("Hardly a line says how long its answer took, so balance by time is not known.")
        }
    }

    /// What is open about one key.
    func open(about key: CandidateKey, _ finding: AnswerFinding) -> [String] {
        var notes: [String] = []
        let lacking = [
            lacksLanguage && !key.fields.contains(.language) ? "Accept-Language" : nil,
            lacksUsers && !key.fields.contains(.address) ? "cookies or identities" : nil,
        ].compactMap { $0 }
        if !lacking.isEmpty {
            notes.append(
                "No \(lacking.joined(separator: ", no ")) in the log: cannot rule out that \(key.label) is too general."
            )
        }
        if finding.repeats < 200 {
            notes.append("Only \(finding.repeats) requests repeat a key: that is little to judge by.")
        }
        if finding.cause == .userAgent {
            notes.append(
                "\(percent(finding.harm)) of the answers differ by {header.user-agent}, as compressed or smaller "
                    + "forms of a page do: a cache keeps those apart by Vary, a key need not.")
        } else if finding.cause == nil, finding.differing > 0.05 {
            notes.append(
                "\(percent(finding.differing)) of the requests for the same key get another answer than the one "
                    + "before, and no field of the log says why: content that changes, or something that is not logged."
            )
        }
        return notes
    }
}

/// `43%`, `0.4%`; never 100 of what is not all.
func percent(_ share: Double) -> String {
    let tenths = Int((min(max(share, 0), 1) * 1000).rounded(share < 1 ? .down : .toNearestOrAwayFromZero))
    return tenths < 100 && tenths % 10 != 0 ? "\(tenths / 10).\(tenths % 10)%" : "\(tenths / 10)%"
}
