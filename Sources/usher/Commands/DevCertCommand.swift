import ArgumentParser
import Foundation
import UsherCore
import UsherTransport

/// `usher dev-cert`: a local authority and a certificate of it, for development.
struct DevCertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev-cert",
        abstract: "Make a certificate for development, signed by an authority of this folder.",
        discussion: """
            Example:
              usher dev-cert                         for localhost, 127.0.0.1 and ::1
              usher dev-cert shop.test '*.shop.test'
              usher dev-cert --client alice          for a client, where `client-ca` asks for one

            Writes FOLDER/NAME.pem and FOLDER/NAME.key, never over a file; and FOLDER/dev-ca.pem and dev-ca.key, unless
            they are there. Whoever has dev-ca.key can sign for every name: keep it out of repositories, and trust
            dev-ca.pem on your own machine only.
            Exit codes: 0 written, 1 a file exists or cannot be written, 2 wrong usage.
            """)

    @Argument(help: "Host names and IP addresses. (default: localhost 127.0.0.1 ::1)")
    var names: [String] = []

    @Option(help: "Where the files are written.")
    var folder = "certs"

    @Flag(help: "For a client of this one name instead of a server.")
    var client = false

    mutating func validate() throws {
        if self.client {
            guard self.names.count == 1, let name = self.names.first, Self.isFileName(name) else {
                throw ValidationError("--client takes one name, such as alice")
            }
            return
        }
        for name in self.names where !Self.isName(name) {
            throw ValidationError("'\(name)' is neither a host name nor an IP address")
        }
    }

    mutating func run() throws {
        let subject = self.subject
        let base = self.path(self.fileName)
        for file in [base + ".pem", base + ".key"] where FileManager.default.fileExists(atPath: file) {
            try Self.fail("\(file): exists already and is left as it is; remove it, or choose another folder")
        }
        do {
            try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        } catch {
            try Self.fail("\(self.folder): cannot be made: \(error.localizedDescription)")
        }
        let pair = try self.authority().issue(subject)
        // The key first, so that no certificate is ever there without.
        try Self.write(base + ".key", pair.key, mode: 0o600)
        try Self.write(base + ".pem", pair.certificate)
        print(self.advice(base))
    }

    // MARK: Files

    private func authority() throws -> DevelopmentAuthority {
        let (certificate, key) = (self.path("dev-ca.pem"), self.path("dev-ca.key"))
        let found = [certificate, key].filter { FileManager.default.fileExists(atPath: $0) }
        if found.isEmpty {
            let authority = try DevelopmentAuthority()
            try Self.write(key, authority.pair.key, mode: 0o600)
            try Self.write(certificate, authority.pair.certificate)
            return authority
        }
        guard found.count == 2 else {
            let missing = found[0] == key ? certificate : key
            try Self.fail(
                "\(found[0]) is there but \(missing) is not; bring it back, or remove the other to begin anew")
        }
        do {
            return try DevelopmentAuthority(
                .init(
                    certificate: String(contentsOfFile: certificate, encoding: .utf8),
                    key: String(contentsOfFile: key, encoding: .utf8)))
        } catch {
            let reason = (error as? CertificateProblem)?.description ?? "they cannot be read"
            try Self.fail("\(certificate) and \(key) cannot be used: \(reason); remove both to begin anew")
        }
    }

    private static func write(_ file: String, _ text: String, mode: mode_t = 0o644) throws {
        if let reason = writeNewFile(file, text, mode: mode) { try Self.fail("\(file): \(reason)") }
    }

    private static func fail(_ line: String) throws -> Never {
        printError(line)
        throw ExitCode(1)
    }

    private func path(_ name: String) -> String {
        self.folder.hasSuffix("/") ? self.folder + name : "\(self.folder)/\(name)"
    }

    // MARK: Names

    private static let usualNames = ["localhost", "127.0.0.1", "::1"]

    private var subject: DevelopmentAuthority.Subject {
        if self.client { return .client(self.names.first ?? "") }
        return .server(self.names.isEmpty ? Self.usualNames : self.names.map { $0.lowercased() })
    }

    /// What the files are called, without `.pem`.
    private var fileName: String {
        let name = (self.names.first ?? Self.usualNames[0]).lowercased()
        let file = name.replacing("*", with: "wildcard").replacing(":", with: "-")
        // What begins with `-` looks like an option to whoever gets it as an argument.
        return file.hasPrefix("-") ? "ip6" + file : file
    }

    private static func isName(_ text: String) -> Bool {
        IPAddress(text: text[...]) != nil
            || ReplicaAddress.isHostName(text.hasPrefix("*.") ? text.dropFirst(2) : text[...])
    }

    private static func isFileName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && !text.hasPrefix(".")
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "-_.@".utf8.contains(byte)
            }
    }

    // MARK: What to do next

    /// Where curl finds the first of the names, which this machine may not know.
    private static func place(_ names: [String]) -> String {
        let name = names[0].hasPrefix("*.") ? "www" + names[0].dropFirst() : names[0]
        if let address = IPAddress(text: name[...]) { return "https://\(address.isV4 ? name : "[\(name)]"):8443/" }
        let url = "https://\(name):8443/"
        return name == "localhost" ? url : "--resolve \(name):8443:127.0.0.1 \(url)"
    }

    private func advice(_ base: String) -> String {
        let authority = self.path("dev-ca.pem")
        if self.client {
            return """
                \(base).pem and \(base).key are written. A listener that asks for it:
                  tls: { certificates: [...], client-ca: \(authority) }
                and a client that shows it:
                  curl --cacert \(authority) --cert \(base).pem --key \(base).key https://localhost:8443/
                """
        }
        let names = self.names.isEmpty ? Self.usualNames : self.names
        return """
            \(base).pem and \(base).key are written, for \(names.joined(separator: ", ")). Into usher.yaml:
              listeners:
                - address: 127.0.0.1:8443
                  tls: { certificates: [{ chain: \(base).pem, key: \(base).key }] }
            Then:
              curl --cacert \(authority) \(Self.place(names))
            A browser believes it once \(authority) is among its authorities.
            """
    }
}
