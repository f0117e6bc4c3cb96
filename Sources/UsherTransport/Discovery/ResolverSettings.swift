package import UsherCore

/// What `/etc/resolv.conf` says (resolv.conf(5)).
package struct ResolverSettings: Sendable, Hashable {
    /// At most three count; without any it is this machine's.
    package var servers: [DNSServer] = []
    /// Appended to short names, in this order; at most six count.
    package var search: [DomainName] = []
    /// A name with at least this many dots is asked for as it is first. Range: 0...15. Default: 1.
    package var dotsMin = 1
    /// For one query to one server. Range: 1...30 s; nil: not said.
    package var timeout: Duration?
    /// How often all servers are tried. Range: 1...5; nil: not said.
    package var rounds: Int?

    package static let searchMax = 6
    private static let thisMachine = IPAddress(v4: 0x7F00_0001)

    /// Lines that say nothing useful are passed over, as every resolver does.
    package init(text: String, serverPort: Int = DNSServer.standardPort) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let keyword = words.first else { continue }
            let values = words.dropFirst()
            switch keyword {
            case "nameserver":
                guard self.servers.count < DNSClient.Settings.serversMax, let value = values.first,
                    let address = IPAddress(text: value)
                else { continue }
                self.servers.append(DNSServer(address, port: serverPort))
            case "search":
                self.search = values.prefix(Self.searchMax).compactMap(DomainName.init(text:))
            case "domain":
                self.search = values.prefix(1).compactMap(DomainName.init(text:))
            case "options":
                for option in values { self.read(option: option) }
            default:
                continue
            }
        }
        if self.servers.isEmpty { self.servers = [DNSServer(Self.thisMachine, port: serverPort)] }
    }

    private mutating func read(option: Substring) {
        let parts = option.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let number = Int(parts[1]) else { return }
        switch parts[0] {
        case "ndots": self.dotsMin = min(max(number, 0), 15)
        case "timeout": self.timeout = .seconds(min(max(number, 1), 30))
        case "attempts": self.rounds = min(max(number, 1), 5)
        default: return
        }
    }

    /// The complete names to ask for, in order: with the search list, unless the name ends in a dot.
    ///
    /// - Returns: nothing when the text is no name.
    package func candidates(for text: String) -> [DomainName] {
        guard let name = DomainName(text: text) else { return [] }
        if text.hasSuffix(".") { return [name] }
        let dots = text.utf8.count { $0 == UInt8(ascii: ".") }
        let longer = self.search.compactMap(name.appending)
        return dots >= self.dotsMin ? [name] + longer : longer + [name]
    }
}

/// What `/etc/hosts` says (hosts(5)).
package struct HostsFile: Sendable, Hashable {
    private var addresses: [DomainName: [IPAddress]] = [:]

    private static let loopback = [IPAddress(v4: 0x7F00_0001), IPAddress(high: 0, low: 1)]

    package init(text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, let address = IPAddress(text: first) else { continue }
            for word in words.dropFirst() {
                guard let name = DomainName(text: word) else { continue }
                self.addresses[name, default: []].append(address)
            }
        }
    }

    /// Empty when the file does not have the name. `localhost` and what is below it are this machine's loopback even
    /// then (RFC 6761 §6.3).
    package func addresses(of text: String) -> [IPAddress] {
        guard let name = DomainName(text: text) else { return [] }
        if let found = self.addresses[name] { return found }
        let last = text.lowercased().split(separator: ".").last
        return last == "localhost" ? Self.loopback : []
    }
}
