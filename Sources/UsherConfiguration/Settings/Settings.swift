public import UsherCore
public import UsherQuotas

/// What a configuration file says, with every default filled in and every path absolute.
public struct Settings: Sendable, Hashable {
    /// Absolute path of the file.
    public var file: String
    /// Absolute path of the file's folder: relative paths and `run:` commands start there.
    public var folder: String
    /// Event loops. Range: 1...1024. Nil: one per core.
    public var workers: Int?
    /// Absolute path of the folder with everything that outlives a run.
    public var state: String
    /// Absolute path of the file with the key that signs cookies. Nil: `secret` in the state folder.
    public var secretFile: String?
    public var admin = AdminSettings()
    public var log: LogSettings
    public var limits = LimitSettings()
    /// Never empty.
    public var listeners = [ListenerSettings(address: .ip(.anyV4, port: 8080))]
    public var identities = IdentitySettings()
    /// In the order of the file; names are unique.
    public var quotas: [QuotaSettings] = []
    /// In the order of the file; names are unique.
    public var caches: [CacheSettings] = []
    /// In the order of the file; names are unique.
    public var services: [ServiceSettings] = []
    /// In the order of the file: the first that matches wins. Empty in the file with one service: one route to it.
    public var routes: [RouteSettings] = []

    /// The defaults for a file in `folder`; the folder must be absolute.
    public init(file: String, folder: String) {
        self.file = file
        self.folder = folder
        state = absolutePath(".usher", in: folder)
        log = LogSettings(
            access: .file(absolutePath("access.log", in: folder)), audit: .file(absolutePath("audit.log", in: folder)))
    }
}

/// Where the operator's API and console answer.
public struct AdminSettings: Sendable, Hashable {
    public var address = ListenAddress.ip(.loopbackV4, port: 9900)
    /// True: `/metrics` needs no token even when the address is not loopback.
    public var metricsOpen = false

    public init() {}
}

public struct LogSettings: Sendable, Hashable {
    public enum Destination: Sendable, Hashable {
        case off
        case stdout
        /// Absolute path.
        case file(String)
    }

    public enum Format: String, CaseIterable, Sendable, Hashable {
        case json
        case combined
    }

    public var access: Destination
    /// Who logged in or failed to, and which keys changed. Written once `identities` reads credentials.
    public var audit: Destination
    public var format = Format.json
    /// Least level of Usher's own log: trace, debug, info, notice, warning, error or critical.
    public var level = "info"

    public init(access: Destination, audit: Destination) {
        self.access = access
        self.audit = audit
    }
}

/// What one client, and all of them together, may take.
public struct LimitSettings: Sendable, Hashable {
    /// Request line and fields together. Default: 16 KiB. Above it: 431.
    public var head = ByteCount.kibibytes(16)
    /// Default: 8 KiB. Above it: 414.
    public var requestLine = ByteCount.kibibytes(8)
    /// Default: 100. Above it: 431.
    public var fields = 100
    /// From a head's first byte to its last, above it 408; also for a TLS handshake. Default: 10 s.
    public var headTime = Duration.seconds(10)
    /// Nil (the default): no limit. Above it: 413.
    public var body: ByteCount?
    /// The least average speed of a body after a grace of 5 s. Default: 240 B/s.
    public var bodyRate = ByteRate(bytesPerSecond: 240)
    /// How long a kept-alive connection may wait for its next request. Default: 60 s.
    public var idle = Duration.seconds(60)
    /// Open client connections in all. Default: 65,536.
    public var connections = 65_536
    /// Open connections of one client address, /64 for IPv6. Default: 256.
    public var connectionsPerClient = 256
    /// New connections of one client address, /64 for IPv6, in a span of time. Nil (the default): any number.
    public var newConnectionsPerClient: QuotaWindow?
    /// Absolute path of a list of addresses: only they may connect. Nil: everybody may.
    public var allowFile: String?
    /// Absolute path of a list of addresses that may not connect. Nil: none.
    public var denyFile: String?
    /// What the process may take; near it new connections are refused, then anonymous callers. Nil: 90% of what the
    /// machine or its container has.
    public var memory: ByteCount?

    public init() {}
}

public struct ListenerSettings: Sendable, Hashable {
    public var address: ListenAddress
    /// Peers whose `Forwarded` and `X-Forwarded-*` fields are believed. Default: nobody.
    public var trustedProxies: [IPRange] = []
    /// True: a connection must come from a trusted proxy and begin with a PROXY header. Default: false.
    public var proxyProtocol = false
    /// Every request is redirected to the first listener that speaks TLS. Default: false.
    public var redirectsToTLS = false
    /// Nil: in the clear.
    public var tls: TLSSettings?

    public init(address: ListenAddress) {
        self.address = address
    }
}
