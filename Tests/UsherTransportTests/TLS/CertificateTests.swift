import Foundation
import NIOCore
import NIOSSL
import Testing

@testable import UsherTransport

@Suite struct CertificateTests {
    private let authority: DevelopmentAuthority

    init() throws {
        self.authority = try DevelopmentAuthority()
    }

    // MARK: Facts

    @Test("a certificate's names, addresses, issuer, key and dates are read")
    func facts() throws {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let facts = try self.facts(.server(["A.Test", "*.b.test", "127.0.0.1", "::1"]), days: 30, now: now)
        #expect(facts.names == ["a.test", "*.b.test"])
        #expect(facts.addresses == ["127.0.0.1", "::1"])
        #expect(facts.subject == "CN=A.Test")
        #expect(facts.issuer.hasPrefix("CN=Usher development authority "))
        #expect("\(facts.keyKind)" == "ECDSA P-256")
        #expect(facts.notBefore == 1_800_000_000 - 86_400)
        #expect(facts.notAfter == 1_800_000_000 + 30 * 86_400)
    }

    @Test("days left are counted down to the last second, and dates that do not hold are told")
    func dates() throws {
        let facts = try self.facts(.client("alice"), days: 30, now: Date(timeIntervalSince1970: 1_800_000_000))
        let end = facts.notAfter
        for (moment, days) in [
            (end, 0), (end - 1, 0), (end - 86_400, 1), (end - 86_401, 1), (end + 1, -1), (end + 86_400, -1),
            (end + 86_401, -2),
        ] {
            #expect(facts.daysLeft(atUnixSeconds: moment) == days, "\(moment - end)")
        }
        #expect(facts.problem(atUnixSeconds: end) == nil && facts.problem(atUnixSeconds: facts.notBefore) == nil)
        #expect(facts.problem(atUnixSeconds: end + 1) == "it expired 0 min ago")
        #expect(facts.problem(atUnixSeconds: end + 3 * 86_400) == "it expired 3 days ago")
        #expect(facts.problem(atUnixSeconds: facts.notBefore - 7200) == "it is valid only in 2 h")
    }

    @Test("whoever has no subject is known by the first other name")
    func identity() throws {
        #expect(try self.facts(.client("alice"), days: 1, now: .now).identity == "CN=alice")
        // Made by openssl with `-subj /` and two alternative names.
        let nameless = """
            -----BEGIN CERTIFICATE-----
            MIIBiDCCAS+gAwIBAgIUANjXIaoh8+3+yyxp5HmJa3sZAiwwCgYIKoZIzj0EAwIw
            ADAgFw0yNjExMjYyMjIxMTdaGA8yMTI2MTEwMjIyMjExN1owADBZMBMGByqGSM49
            AgEGCCqGSM49AwEHA0IABBELO7Ayed16/ropT1dX5lMFEapMpGolqP1Rjz9ZnZ0I
            8YKlacY7WB38QZJJhFqDJqOcaJ8jQXMuankrFLDZKEqjgYQwgYEwHQYDVR0OBBYE
            FJqbISup79dH2oedjqJvnHwOxEUCMB8GA1UdIwQYMBaAFJqbISup79dH2oedjqJv
            nHwOxEUCMA8GA1UdEwEB/wQFMAMBAf8wLgYDVR0RBCcwJYYZc3BpZmZlOi8vZXhh
            bXBsZS50ZXN0L3dlYoIId2ViLnRlc3QwCgYIKoZIzj0EAwIDRwAwRAIgVOl+f8Iz
            b431fQUi4CvzfIeuSNjNTisk5ixR9IFMF4MCIH/9pi9Bl0TG+iRpVRREyn4Tu6Fa
            xOZnUggtOvyiHj/b
            -----END CERTIFICATE-----
            """
        let facts = try CertificateFacts(NIOSSLCertificate(bytes: Array(nameless.utf8), format: .pem))
        #expect(facts.subject.isEmpty && facts.identity == "spiffe://example.test/web")
    }

    @Test("no byte of a subject can break a header or a log line")
    func printable() throws {
        let subject = try self.facts(.client("a\r\nX: y\0\u{1b}[31m ü")).subject
        #expect(subject.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "\(subject)")
        #expect(CertificateFacts.printable("a\u{a}b") == "a\\0Ab")
    }

    @Test("a wildcard stands for one label")
    func names() throws {
        let facts = try self.facts(.server(["a.test", "*.b.test"]))
        for (host, isFor) in [
            ("a.test", true), ("x.b.test", true), ("b.test", false), ("x.y.b.test", false), ("xa.test", false),
            ("test", false), ("", false),
        ] {
            #expect(facts.isFor(host) == isFor, "\(host)")
        }
    }

    // MARK: The choice

    @Test("exact comes before wildcard, the first certificate is for everybody else, and case was taken care of")
    func choice() throws {
        let set = try #require(
            CertificateSet([
                try self.certificate("first.test"), try self.certificate("*.shop.test", "shop.test"),
                try self.certificate("cart.shop.test"),
            ]))
        for (name, file, isNamed) in [
            ("first.test", "first.test", true), ("eu.shop.test", "*.shop.test", true),
            ("cart.shop.test", "cart.shop.test", true), ("shop.test", "*.shop.test", true),
            ("a.cart.shop.test", "first.test", false), ("other", "first.test", false), (nil, "first.test", true),
        ] {
            var hello = ClientHello()
            hello.serverName = name
            hello.offersTLS13 = true
            hello.signatureAlgorithms = [0x0403]
            let chosen = set.choose(hello)
            #expect(chosen.certificate.facts.names.first == file && chosen.isNamed == isNamed, "\(name ?? "nobody")")
        }
        #expect(CertificateSet([]) == nil)
    }

    // MARK: Files

    @Test("whatever is wrong with a file is told in one line that names it")
    func problems() throws {
        let pair = try self.authority.issue(.server(["a.test"]))
        let other = try self.authority.issue(.server(["a.test"]))
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIG=\n-----END ENCRYPTED PRIVATE KEY-----\n"
        try self.inFolder { folder in
            let (chain, key) = ("\(folder)/a.pem", "\(folder)/a.key")
            for (certificate, secret, problem) in [
                (nil, pair.key, "cannot read \(chain): No such file or directory"),
                ("", pair.key, "\(chain) holds no certificate in PEM form"),
                (pair.key, pair.key, "\(chain) holds no certificate in PEM form"),
                (String(repeating: "x", count: 1 << 20) + "y", pair.key, "\(chain) is larger than 1 MiB"),
                (pair.certificate, nil, "cannot read \(key): No such file or directory"),
                (pair.certificate, pair.certificate, "\(key) holds no private key in PEM form"),
                (pair.certificate, encrypted, "the key in \(key) is encrypted; Usher needs it without a passphrase"),
                (
                    pair.certificate, other.key,
                    "the key in \(key) does not belong to the first certificate in \(chain)"
                ),
                (
                    self.authority.pair.certificate + pair.certificate, pair.key,
                    "the key in \(key) does not belong to the first certificate in \(chain)"
                ),
            ] as [(String?, String?, String)] {
                for (text, file) in [(certificate, chain), (secret, key)] {
                    try? FileManager.default.removeItem(atPath: file)
                    try text?.write(toFile: file, atomically: false, encoding: .utf8)
                }
                let error = #expect(throws: CertificateProblem.self) {
                    try ServerCertificate(.init(chain: chain, key: key), rules: TLSRules())
                }
                #expect(error?.description == problem)
            }
            #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
            for file in [folder, "\(folder)/pipe", "/dev/null"] {
                #expect(throws: CertificateProblem.self) {
                    try ServerCertificate(.init(chain: file, key: key), rules: TLSRules())
                }
            }
        }
    }

    // MARK: Helpers

    private func facts(
        _ subject: DevelopmentAuthority.Subject, days: Int = 30, now: Date = .now
    ) throws -> CertificateFacts {
        let pem = try self.authority.issue(subject, days: days, now: now).certificate
        return try CertificateFacts(NIOSSLCertificate(bytes: Array(pem.utf8), format: .pem))
    }

    private func certificate(_ names: String...) throws -> ServerCertificate {
        let pair = try self.authority.issue(.server(names))
        return try self.inFolder { folder in
            let files = ServerCertificate.Files(chain: "\(folder)/a.pem", key: "\(folder)/a.key")
            try pair.certificate.write(toFile: files.chain, atomically: false, encoding: .utf8)
            try pair.key.write(toFile: files.key, atomically: false, encoding: .utf8)
            return try ServerCertificate(files, rules: TLSRules())
        }
    }

    private func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = NSTemporaryDirectory() + "usher-certificates-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }
}
