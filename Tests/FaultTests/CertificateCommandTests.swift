import Foundation
import Testing

extension FaultTests {
    /// The commands about certificates, as a person runs them.
    @Suite(.timeLimit(.minutes(1))) struct CertificateCommandTests {
        @Test("dev-cert makes what its own advice needs, with keys that nobody else can read, and never over a file")
        func made() throws {
            let folder = try CommandFolder()
            let first = try folder.run("dev-cert")
            #expect(first.code == 0 && first.output.contains("https://localhost:8443/"))
            for file in ["dev-ca.key", "localhost.key"] {
                let mode = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/certs/\(file)")
                #expect(mode[.posixPermissions] as? Int == 0o600, "\(file)")
            }
            let before = try String(contentsOfFile: "\(folder.path)/certs/localhost.pem", encoding: .utf8)
            let again = try folder.run("dev-cert")
            #expect(again.code == 1 && again.output.contains("certs/localhost.pem: exists already"))
            #expect(try String(contentsOfFile: "\(folder.path)/certs/localhost.pem", encoding: .utf8) == before)
            #expect(try folder.run("dev-cert", "shop.test", "*.shop.test").code == 0)
            #expect(try folder.run("dev-cert", "--client", "alice").code == 0)
            for name in ["localhost", "shop.test", "alice"] {
                let verdict = try folder.openssl("verify", "-CAfile", "certs/dev-ca.pem", "certs/\(name).pem")
                #expect(verdict == "certs/\(name).pem: OK\n")
            }
        }

        @Test("dev-cert says what is wrong: names, half an authority, a folder that cannot be written")
        func refused() throws {
            let folder = try CommandFolder()
            for name in ["a b", "https://a.test", "*.*.test", "-x.test", ""] {
                #expect(try folder.run("dev-cert", "--", name).code == 2, "\(name)")
            }
            #expect(try folder.run("dev-cert", "--client").code == 2)
            #expect(try folder.run("dev-cert", "--client", "../alice").code == 2)
            #expect(try folder.run("dev-cert", "--folder", "/proc/none").code == 1)
            #expect(try folder.run("dev-cert").code == 0)
            try FileManager.default.removeItem(atPath: "\(folder.path)/certs/dev-ca.key")
            let half = try folder.run("dev-cert", "b.test")
            #expect(half.code == 1 && half.output.contains("dev-ca.pem is there but certs/dev-ca.key is not"))
            #expect(try folder.run("dev-cert", "--folder", "other").code == 0)
            try FileManager.default.copyItem(
                atPath: "\(folder.path)/other/dev-ca.key", toPath: "\(folder.path)/certs/dev-ca.key")
            let mixed = try folder.run("dev-cert", "b.test")
            #expect(mixed.code == 1 && mixed.output.contains("the key is not the certificate's; remove both"))
        }

        @Test("certs and check read the files when no Usher runs, and tell each problem with its place")
        func read() throws {
            let folder = try CommandFolder()
            try folder.write(
                """
                admin: 127.0.0.1:1
                listeners:
                  - address: 127.0.0.1:8443
                    tls:
                      certificates:
                        - { chain: certs/localhost.pem, key: certs/localhost.key }
                        - { chain: certs/none.pem, key: certs/none.key }
                services:
                  web: { replicas: [127.0.0.1:9001], tls: { verify: certs/none.pem } }
                """)
            #expect(try folder.run("dev-cert").code == 0)
            let listed = try folder.run("certs")
            #expect(listed.code == 1)
            for part in ["localhost 127.0.0.1 ::1  ok ", "unusable", "none.pem: No such file", "service web"] {
                #expect(listed.output.contains(part), "\(part) in \(listed.output)")
            }
            let checked = try folder.run("check")
            #expect(checked.code == 1)
            #expect(checked.output.contains("usher.yaml:7:11: listeners[0].tls.certificates[1]: cannot read "))
            #expect(checked.output.contains("usher.yaml:9:43: services.web.tls: cannot read "))
            #expect(checked.output.hasSuffix("2 problems\n"))
        }
    }
}

/// A folder in which commands run.
private final class CommandFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/usher-commands-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FaultTestError("cannot make a folder in /tmp") }
        self.path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func write(_ yaml: String) throws {
        try yaml.write(toFile: "\(self.path)/usher.yaml", atomically: true, encoding: .utf8)
    }

    func run(_ arguments: String...) throws -> (code: Int32?, output: String) {
        try ChildProcess.output(of: [UsherProcess.binary] + arguments, in: self.path)
    }

    func openssl(_ arguments: String...) throws -> String {
        try ChildProcess.output(of: ["/usr/bin/openssl"] + arguments, in: self.path).output
    }
}
