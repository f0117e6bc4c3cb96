/// What a target may import, and how high it stands: arrows go down only.
struct ModuleRule: Sendable {
    /// 0 is the lowest. A target of ours may be imported only by targets of a higher layer.
    var layer: Int
    /// Targets of this package.
    var own: Set<String> = []
    /// Modules of other packages, of the standard library and of the system.
    var outside: Set<String> = []
}

/// The import graph of this package. A new target gets its row here before it can pass.
enum ImportGraph {
    /// What code that meets the operating system may use.
    static let system: Set<String> = ["Glibc", "Musl", "Synchronization", "Dispatch"]

    static let rules: [String: ModuleRule] = [
        // Pure: values and state machines. No sockets, no clock, no Foundation; bytes only for messages.
        "UsherCore": ModuleRule(layer: 0),
        "UsherHTTP": ModuleRule(layer: 1, own: ["UsherCore"], outside: ["NIOCore"]),
        "UsherReplication": ModuleRule(layer: 2, own: ["UsherCore", "UsherHTTP"]),
        "UsherSharding": ModuleRule(layer: 2, own: ["UsherCore"]),
        "UsherQuotas": ModuleRule(layer: 2, own: ["UsherCore", "UsherHTTP"]),
        "UsherCaching": ModuleRule(layer: 2, own: ["UsherCore", "UsherHTTP"], outside: ["NIOCore"]),
        // The outside world: sockets, processes, log files.
        "CUsherGuard": ModuleRule(layer: 0),
        "UsherTelemetry": ModuleRule(
            layer: 3, own: ["UsherCore", "UsherHTTP"],
            outside: system.union(["NIOCore", "Logging", "ServiceLifecycle"])),
        "UsherSupervisor": ModuleRule(
            layer: 3, own: ["UsherCore", "CUsherGuard"],
            outside: system.union(["Logging", "Subprocess", "SystemPackage", "ServiceLifecycle"])),
        "UsherIdentities": ModuleRule(
            layer: 3, own: ["UsherCore"], outside: ["JWTKit", "Crypto", "CryptoExtras", "FoundationEssentials"]),
        "UsherStores": ModuleRule(
            layer: 3, own: ["UsherCore", "UsherHTTP", "UsherQuotas", "UsherCaching"],
            outside: system.union(["NIOCore", "NIOPosix"])),
        "UsherTransport": ModuleRule(
            layer: 3, own: ["UsherCore", "UsherHTTP", "UsherReplication", "UsherQuotas", "UsherCaching"],
            outside: system.union([
                "NIOCore", "NIOPosix", "NIOTLS", "NIOSSL", "X509", "SwiftASN1", "Crypto", "FoundationEssentials",
                "Logging",
            ])),
        // What people write and see.
        "UsherConfiguration": ModuleRule(
            layer: 4, own: ["UsherCore", "UsherHTTP", "UsherReplication", "UsherSharding", "UsherQuotas"],
            outside: system.union(["Yams", "FoundationEssentials"])),
        "UsherConsole": ModuleRule(
            layer: 4, own: ["UsherCore", "UsherTelemetry"],
            outside: system.union([
                "Hummingbird", "HummingbirdCore", "HTTPTypes", "NIOCore", "Logging", "ServiceLifecycle",
                "FoundationEssentials",
            ])),
        "UsherGateway": ModuleRule(
            layer: 5,
            own: [
                "UsherCore", "UsherHTTP", "UsherReplication", "UsherSharding", "UsherQuotas", "UsherCaching",
                "UsherIdentities", "UsherStores", "UsherTelemetry", "UsherSupervisor", "UsherTransport",
                "UsherConfiguration", "UsherConsole",
            ],
            outside: system.union([
                "NIOCore", "NIOPosix", "Logging", "ServiceLifecycle", "FoundationEssentials", "Crypto", "SystemPackage",
            ])),
        "UsherLoad": ModuleRule(
            layer: 4, own: ["UsherCore", "UsherHTTP", "UsherTransport"],
            outside: system.union(["NIOCore", "NIOPosix", "NIOSSL", "NIOTLS", "FoundationEssentials", "Histogram"])),
        // Beside the request path: it reads what that path has written.
        "UsherAdvisor": ModuleRule(layer: 3, own: ["UsherCore", "UsherSharding"], outside: system),
        "usher": ModuleRule(
            layer: 6,
            own: [
                "UsherCore", "UsherGateway", "UsherIdentities", "UsherConfiguration", "UsherConsole", "UsherTransport",
                "UsherLoad", "UsherAdvisor", "CUsherGuard",
            ],
            outside: system.union([
                "ArgumentParser", "NIOCore", "NIOPosix", "Logging", "ServiceLifecycle", "UnixSignals", "Foundation",
                "FoundationEssentials",
            ])),
        // Beside: for our tests and for users' own.
        "UsherTestKit": ModuleRule(
            layer: 4, own: ["UsherCore", "UsherHTTP"],
            outside: system.union(["Foundation", "NIOCore", "NIOPosix", "NIOTLS", "NIOSSL", "NIOEmbedded"])),
    ]

    /// Targets that decide and never act: the pure modules.
    static let pure: Set<String> = [
        "UsherCore", "UsherHTTP", "UsherReplication", "UsherSharding", "UsherQuotas", "UsherCaching",
    ]

    /// The module a line imports, or nil. Submodules and single declarations count as their module.
    static func importedModule(in line: String) -> String? {
        var words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
        while let first = words.first, first.hasPrefix("@") || accessLevels.contains(first) { words.removeFirst() }
        guard words.first == "import", words.count > 1 else { return nil }
        let name = words.count > 2 && kinds.contains(words[1]) ? words[2] : words[1]
        return name.split(whereSeparator: { $0 == "." || $0 == ";" }).first.map(String.init)
    }

    /// The imports of a source file that its rule does not allow.
    static func violations(in file: SourceFile) -> [String] {
        guard let rule = rules[file.module] else { return ["\(file.module) has no row in ImportGraph.rules"] }
        return file.code.enumerated().compactMap { number, line in
            guard let name = importedModule(in: line), name != "Swift" else { return nil }
            if rule.own.contains(name) || rule.outside.contains(name) { return nil }
            return "\(file.path):\(number + 1): \(file.module) must not import \(name)"
        }
    }

    private static let accessLevels: Set<String> = ["public", "package", "internal", "private", "fileprivate"]
    private static let kinds: Set<String> = [
        "struct", "class", "enum", "protocol", "func", "typealias", "let", "var", "actor",
    ]
}
