import Testing
import UsherConfiguration
import UsherCore

@Suite("TLS in the configuration", .timeLimit(.minutes(1)))
struct TLSProblemTests {
    private static let web = "services: { web: { replicas: [a:1] } }\n"
    private static let certificate = "certificates: [{ chain: a.pem, key: a.key }]"

    private func problems(_ text: String) -> [String] {
        do {
            _ = try ConfigurationReader.read(text: text, file: "u.yaml", environment: [:])
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test(
        "what cannot work is said, with its place",
        arguments: [
            ("[{ address: 1, tls: {} }]", "u.yaml:2:32: listeners[0].tls: needs the key 'certificates'"),
            (
                "[{ address: 1, tls: { certificates: [] } }]",
                "u.yaml:2:48: listeners[0].tls.certificates: must not be empty"
            ),
            (
                "[{ address: 1, tls: { certificates: [{ chain: a }] } }]",
                "u.yaml:2:49: listeners[0].tls.certificates[0]: needs the key 'key'"
            ),
            (
                "[{ address: 1, tls: { \(certificate), minimum: 1.1 } }]",
                "u.yaml:2:89: listeners[0].tls.minimum: unknown word '1.1' (did you mean '1.2'?); it is one of 1.2, 1.3"
            ),
            (
                "[{ address: 1, tls: { \(certificate), client-certificate: request } }]",
                "u.yaml:2:80: listeners[0].tls.client-certificate: has no effect without client-ca, which says whose "
                    + "are accepted"
            ),
            (
                "[{ address: 1, redirect: https }]",
                "u.yaml:2:13: listeners[0]: redirects to TLS, but no listener with a port has `tls`"
            ),
            (
                "[{ address: 1, redirect: https, tls: { \(certificate) } }]",
                "u.yaml:2:13: listeners[0]: redirects to TLS and speaks it already; take `redirect` away"
            ),
            (
                "[{ address: 1, redirect: https }, { address: \"unix:/s\", tls: { \(certificate) } }]",
                "u.yaml:2:13: listeners[0]: redirects to TLS, but no listener with a port has `tls`"
            ),
        ])
    func listeners(text: String, line: String) {
        #expect(problems(Self.web + "listeners: " + text) == [line])
    }

    @Test(
        "what a service cannot use is said, with its place",
        arguments: [
            (
                "[a:1], tls: { server-name: 10.0.0.1 }",
                "u.yaml:1:57: services.web.tls.server-name: '10.0.0.1' cannot be a server name, such as web.internal"
            ),
            (
                "[a:1], tls: { verify: false }",
                "u.yaml:1:52: services.web.tls.verify: cannot be 'false': replicas are always verified; say `system`, "
                    + "or name a file with the certificates of those who sign replicas'"
            ),
            (
                "[\"unix:/s\"], tls: {}",
                "u.yaml:1:48: services.web.tls: needs the key 'server-name': a replica behind a Unix socket has no "
                    + "name to compare its certificate with"
            ),
            (
                "[a:1], tls: { certificate: { chain: a.pem } }",
                "u.yaml:1:57: services.web.tls.certificate: needs the key 'key'"
            ),
        ])
    func services(text: String, line: String) {
        #expect(problems("services: { web: { replicas: \(text) } }") == [line])
    }

    @Test("paths start at the file's folder, and what is left out has its default")
    func defaults() throws {
        let text = Self.web + "listeners: [{ address: 1, tls: { \(Self.certificate), client-ca: ca/ca.pem } }]"
        let settings = try ConfigurationReader.read(text: text, file: "/etc/usher/u.yaml", environment: [:])
        let tls = try #require(settings.listeners[0].tls)
        #expect(tls.certificates[0].chain == "/etc/usher/a.pem")
        #expect(tls.clientAuthorities == "/etc/usher/ca/ca.pem")
        #expect(tls.clientCertificate == .require)
        #expect(tls.minimum == .tls12)
        #expect(tls.hsts == nil)
    }
}
