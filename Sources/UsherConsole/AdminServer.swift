internal import Glibc
internal import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import UsherCore

/// The admin server: liveness, readiness, metrics, the API and the console page. One of the process's services.
package struct AdminServer: Service {
    private let address: AdminAddress
    private let source: any ConsoleSource
    private let access: AdminAccess
    private let logger: Logger
    private let onBound: @Sendable (Int) -> Void

    /// Connections at once; more wait in the kernel's queue. Default: 256.
    private static let connectionLimit = 256
    /// Time after which an idle connection is closed.
    private static let idleLimit = TimeAmount.seconds(60)

    /// `onBound` is told the port, once requests are taken; 0 for a Unix socket.
    package init(
        address: AdminAddress, source: any ConsoleSource, token: AdminToken, metricsOpen: Bool = false,
        logger: Logger, onBound: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.address = address
        self.source = source
        self.logger = logger
        self.onBound = onBound
        access = AdminAccess(
            address: address, token: token, metricsOpen: metricsOpen, machineName: Self.machineName())
    }

    /// Serves until the service group shuts down; throws `AdminServerError` when the address cannot be had.
    package func run() async throws {
        // The library's own notes on starting and stopping would only repeat ours.
        var libraryLogger = logger
        libraryLogger.logLevel = max(logger.logLevel, .warning)
        let logger = logger
        let address = address
        let onBound = onBound
        let application = Application(
            responder: ConsoleResponder(source: source, access: access),
            server: .http1(
                configuration: .init(
                    idleTimeout: Self.idleLimit,
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 16 * 1024, maxHeaderFieldCount: 100))),
            configuration: .init(
                address: address.bindAddress,
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? 0
                logger.info("admin is ready", metadata: ["address": "\(address.bound(to: port))"])
                onBound(port)
            },
            logger: libraryLogger)
        do {
            try await application.run()
        } catch let error as IOError {
            throw AdminServerError(address: address, error: error)
        }
    }

    private static func machineName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// Why the admin server cannot listen; `description` is one line that says what to do.
package struct AdminServerError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(address: AdminAddress, error: IOError) {
        let advice =
            switch error.errnoCode {
            case EADDRINUSE: "another process has that address; stop it or set admin to another one"
            case EACCES, EPERM: "this user may not listen there; set admin to a port of 1024 or above"
            case EADDRNOTAVAIL: "this machine has no such address; set admin to one of its own"
            default: strerror(error.errnoCode).map { String(cString: $0) } ?? "error \(error.errnoCode)"
            }
        description = "cannot listen on the admin address \(address): \(advice)"
    }
}

extension AdminAddress {
    fileprivate var bindAddress: BindAddress {
        switch self {
        case .ip(let address, let port): .hostname("\(address)", port: port)
        case .unix(let path): .unixDomainSocket(path: path)
        }
    }

    /// The same with the port that was given for 0.
    fileprivate func bound(to port: Int) -> AdminAddress {
        switch self {
        case .ip(let address, _): .ip(address, port: port)
        case .unix: self
        }
    }
}
