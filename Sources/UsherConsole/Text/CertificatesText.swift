/// What `usher certs` prints.
package struct CertificatesText {
    private let style: TextStyle

    /// Names of one certificate that are shown; the rest is in the JSON.
    private static let namesMax = 4

    package init(_ style: TextStyle) {
        self.style = style
    }

    package func text(_ all: [CertificateReport], source: String) -> String {
        guard !all.isEmpty else { return "No certificates: no listener and no service has `tls`.\n\(source)" }
        let titles = ["NAMES", "STATE", "EXPIRES", "KEY", "USED BY", "ISSUER"]
        var table = TextTable(titles.map { .init(title: $0) })
        for report in all {
            let facts = report.certificate
            table.add([
                .init(facts.map(Self.names) ?? (report.isBad ? "-" : "(authorities)")),
                .init(report.state.rawValue, Self.colour(report.state)), .init(facts.map(Self.expiry) ?? "-"),
                .init(facts?.key ?? "-"), .init(report.usedBy), .init(facts?.issuer ?? "-"),
            ])
            table.addNote(.init(report.problem ?? report.file, .faint), at: 0)
        }
        return table.text(style) + "\n\(style.sentence(source))"
    }

    private static func names(_ facts: CertificateReport.Facts) -> String {
        // Of a client's certificate the subject is all there is.
        guard !facts.names.isEmpty else { return facts.subject }
        let more = facts.names.count - Self.namesMax
        return facts.names.prefix(Self.namesMax).joined(separator: " ") + (more > 0 ? " +\(more)" : "")
    }

    private static func expiry(_ facts: CertificateReport.Facts) -> String {
        facts.notAfter.prefix(10) + (facts.daysLeft < 0 ? "" : " (\(facts.daysLeft) days)")
    }

    private static func colour(_ state: CertificateReport.State) -> TextColour {
        switch state {
        case .ok: .good
        case .soon: .warning
        case .expired, .kept, .unusable: .bad
        }
    }
}
