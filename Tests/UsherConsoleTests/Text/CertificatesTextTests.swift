import Testing

@testable import UsherConsole

@Suite struct CertificatesTextTests {
    private let text = CertificatesText(TextStyle())

    private func report(
        _ names: [String], daysLeft: Int, problem: String? = nil, usedBy: String = "listener [::]:443"
    ) -> CertificateReport {
        CertificateReport(
            usedBy: usedBy, file: "/etc/site.pem", problem: problem,
            facts: .init(
                names: names, subject: "CN=site", issuer: "CN=R11,O=Issuer", key: "RSA",
                notBeforeUnixSeconds: 1_795_341_600, notAfterUnixSeconds: 1_795_341_600 + 90 * 86400,
                daysLeft: daysLeft), isInUse: true)
    }

    @Test(
        "the state tells what has to be done",
        arguments: [(22, nil, "ok"), (21, nil, "soon"), (0, nil, "soon"), (-1, nil, "expired")]
            + [(50, "x", "kept"), (-1, "x", "expired")])
    func states(daysLeft: Int, problem: String?, state: String) {
        let report = report(["a"], daysLeft: daysLeft, problem: problem)
        #expect(report.state.rawValue == state)
        #expect(report.isBad == (state != "ok" && state != "soon"))
        #expect(CertificateReport(usedBy: "x", file: "y", problem: "z", facts: nil, isInUse: false).state == .unusable)
        #expect(CertificateReport(usedBy: "x", file: "y", problem: "z", facts: nil, isInUse: true).state == .kept)
        #expect(CertificateReport(usedBy: "x", file: "y", problem: nil, facts: nil, isInUse: true).state == .ok)
    }

    @Test("a line a certificate, and under it its file or what is wrong with it")
    func table() {
        let shown = text.text(
            [
                report(["a.test", "*.a.test", "b.test", "c.test", "d.test", "e.test"], daysLeft: 89),
                report([], daysLeft: 3, problem: "/etc/site.pem holds no certificate", usedBy: "service web"),
                CertificateReport(
                    usedBy: "listener [::]:443", file: "/etc/ca.pem", problem: nil, facts: nil, isInUse: true),
            ], source: "asked the Usher at 127.0.0.1:9900")
        #expect(
            shown == """
                NAMES                             STATE  EXPIRES               KEY  USED BY            ISSUER
                a.test *.a.test b.test c.test +2  ok     2027-02-20 (89 days)  RSA  listener [::]:443  CN=R11,O=Issuer
                /etc/site.pem
                CN=site                           kept   2027-02-20 (3 days)   RSA  service web        CN=R11,O=Issuer
                /etc/site.pem holds no certificate
                (authorities)                     ok     -                     -    listener [::]:443  -
                /etc/ca.pem
                asked the Usher at 127.0.0.1:9900
                """)
    }

    @Test("without certificates it says so")
    func empty() {
        let text = text.text([], source: "read from usher.yaml")
        #expect(text == "No certificates: no listener and no service has `tls`.\nread from usher.yaml")
    }
}
