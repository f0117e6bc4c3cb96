import Foundation
import UsherConfiguration
import UsherConsole
import UsherCore

/// The secret by which a command proves that its user operates the running Usher.
enum OperatorToken {
    case found(String)
    /// Why there is none, and what to do.
    case missing(String)

    /// For an admin server that was named by its address.
    ///
    /// The token of a configuration that merely lies in this folder stays on this machine: the address may be of
    /// another one, and the connection is not encrypted.
    static func find(_ options: AdminClient.Options, for address: ReplicaAddress) -> OperatorToken {
        if let file = options.tokenFile { return self.read(file) }
        guard options.givenFile != nil || self.isLocal(address) else {
            return .missing(
                "\(address) is on another machine: name the configuration of that Usher by --file, "
                    + "or its admin token by --token-file")
        }
        do throws(ConfigurationProblems) {
            return self.read(self.path(try AdminClient.settings(options)))
        } catch {
            // A file that is broken now was fine when Usher started; most have their state where it is by default.
            let folder = URL(fileURLWithPath: options.file).deletingLastPathComponent()
            let usual = self.read(folder.appendingPathComponent(".usher/admin-token").path)
            if case .found = usual { return usual }
            return .missing(
                "\(error)\nThe admin token is needed for this and stands in the state folder: name the configuration "
                    + "of that Usher by --file, or the token by --token-file.")
        }
    }

    static func path(_ settings: Settings) -> String {
        settings.state + "/admin-token"
    }

    static func read(_ path: String) -> OperatorToken {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return .missing("there is no admin token at \(path); `usher run` writes it: has it run with this file?")
        } catch let error as CocoaError where error.code == .fileReadNoPermission {
            return .missing("this user may not read \(path); be the user that `usher run` is run by")
        } catch {
            return .missing("cannot read the admin token at \(path): \(error.localizedDescription)")
        }
        guard let token = AdminToken(text: String(decoding: data.prefix(256), as: UTF8.self)) else {
            return .missing("\(path) does not hold an admin token; remove it and start Usher anew")
        }
        return .found(token.text)
    }

    private static func isLocal(_ address: ReplicaAddress) -> Bool {
        switch address {
        case .ip(let ip, _): ip.isLoopback
        case .name(let host, _): host.lowercased() == "localhost"
        case .unix: true
        }
    }
}
