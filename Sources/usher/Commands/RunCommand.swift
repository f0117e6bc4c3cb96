import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals
import UsherConfiguration
import UsherCore
import UsherGateway

/// `usher run [usher.yaml]`: serve until told to stop.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Serve what a configuration says, in the foreground.",
        discussion: """
            Example:
              usher run usher.yaml

            SIGTERM and Ctrl-C stop it gently: no new connections, running requests finish (at most 30 s), supervised
            processes end. A changed file, SIGHUP and `usher reload` take a new configuration over while it runs.
            Exit codes: 0 stopped, 1 the configuration or the start failed, 2 wrong usage.
            """)

    @Argument(help: "The configuration.")
    var file = "usher.yaml"

    mutating func run() async throws {
        let settings: Settings
        let source = ConfigurationSource(file: self.file, environment: ProcessInfo.processInfo.environment)
        do throws(ConfigurationProblems) {
            settings = try ConfigurationReader.read(file: source.file, environment: source.environment)
        } catch {
            printError("\(error)")
            throw ExitCode(1)
        }
        FileLimit.raise()
        // A client or a log reader that goes away is an error to handle, not a signal to die of.
        signal(SIGPIPE, SIG_IGN)
        Gateway.bootstrapLog(level: settings.log.level)
        let gateway = Gateway(settings, source: source, logger: Logger(label: "usher")) { bound in
            printError(Welcome.text(settings, bound))
        }
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: gateway), .init(service: HangupReloads(requests: gateway.reloads))],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "usher.services", factory: { _ in SwiftLogNoOpLogHandler() })))
        let impatience = Impatience()
        defer { impatience.end() }
        do {
            try await group.run()
        } catch {
            printError("usher: \(error)")
            throw ExitCode(1)
        }
    }
}

/// Reloads the configuration at every SIGHUP.
private struct HangupReloads: Service {
    let requests: ReloadRequests

    func run() async {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) { self.requests.reload() }
        }
    }
}

/// Ends the process at the second Ctrl-C: the first one drains, which may take longer than a person wants to wait.
/// Supervised processes go with it, whatever ends it.
final class Impatience {
    private let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())

    init() {
        var count = 0
        self.source.setEventHandler { [source] in
            count += Int(source.data)
            if count >= 2 { _exit(130) }
        }
        self.source.resume()
    }

    func end() {
        self.source.cancel()
    }
}

/// Makes room for as many connections as the system lets us have.
enum FileLimit {
    static func raise() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// What a person sees when Usher has started: where it listens.
enum Welcome {
    static func text(_ settings: Settings, _ bound: Gateway.Bound) -> String {
        var lines = ["usher \(Gateway.version) serves \(settings.file)"]
        for (listener, port) in zip(settings.listeners, bound.listenerPorts) {
            let scheme = listener.tls == nil ? "http" : "https"
            lines.append("  listening on  \(Self.url(listener.address, port, scheme: scheme))")
        }
        lines.append("  admin on      \(Self.url(settings.admin.address, bound.adminPort))")
        return lines.joined(separator: "\n")
    }

    /// An address that a person on this machine can open.
    private static func url(_ address: ListenAddress, _ port: Int, scheme: String = "http") -> String {
        switch address {
        case .ip(let ip, _) where ip.isUnspecified: "\(scheme)://localhost:\(port)"
        case .ip(let ip, _): ip.isV4 ? "\(scheme)://\(ip):\(port)" : "\(scheme)://[\(ip)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
