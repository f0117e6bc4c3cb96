/// Finds the first route, in the order of the file, that a request matches, however many routes there are.
///
/// A request is looked up, not compared: its host picks the most specific of the hosts that routes name, which knows
/// the wider ones that also apply (`a.example.com` → `*.example.com` → any); then every prefix of its path that ends at
/// a segment is looked up under each of those, and the whole path as well. What is found are short lists of routes in
/// order; methods and headers are checked along them until one fits. So the work grows with the labels of the host and
/// the segments of the path, up to the longest that the routes name, and with the routes that share one host and path.
///
/// Nothing is allocated by a match. Immutable: part of the snapshot that all workers share; a class, so that using it
/// copies no tables' references.
package final class Router: Sendable {
    private struct Rule {
        var methods: [[UInt8]]
        var headers: [(name: [UInt8], value: [UInt8])]
        var isFree: Bool { methods.isEmpty && headers.isEmpty }
    }

    /// Routes that name the same host.
    struct HostClass {
        /// The next wider class that has routes; -1: none.
        var wider: Int32 = -1
        /// Routes for any path, in order.
        var anyPath: Range<Int> = 0..<0
        /// In bytes; -1: no route has a prefix.
        var longestPrefix = -1
        /// In bytes; -1: no route names an exact path.
        var longestExact = -1
    }

    private let seed: UInt64
    private let rules: [Rule]
    private let classes: [HostClass]
    /// The class of requests whose host no route names; -1: no route takes any host.
    private let anyHost: Int32
    private let hosts: RouterTable
    private let longestSuffix: Int
    private let longestHost: Int
    private let paths: RouterTable
    /// Route numbers; a value of `paths` is the index of its range in `lists`.
    private let candidates: [Int32]
    private let lists: [Range<Int>]

    static let exactHostScope: UInt32 = 0
    static let hostSuffixScope: UInt32 = 1

    @inline(__always)
    static func pathScope(_ hostClass: Int32, isPrefix: Bool) -> UInt32 {
        UInt32(truncatingIfNeeded: hostClass) << 1 | (isPrefix ? 1 : 0)
    }

    /// `seed` keys the hash: random for a server, fixed for a test.
    package init(_ patterns: [RoutePattern], seed: UInt64) {
        let builder = RouterBuilder(patterns, seed: seed)
        self.seed = seed
        rules = patterns.map { pattern in
            Rule(
                methods: pattern.methods.map { Array($0.utf8) },
                headers: pattern.headers.map { ($0.name.utf8.map(asciiLowercase), Array($0.value.utf8)) })
        }
        classes = builder.classes
        anyHost = builder.anyHost
        hosts = RouterTable(builder.hostKeys, foldsCase: true)
        longestSuffix = builder.longestSuffix
        longestHost = builder.longestHost
        paths = RouterTable(builder.pathKeys, foldsCase: false)
        candidates = builder.candidates
        lists = builder.lists
    }

    /// The index of the first route that `subject` matches.
    package func match<Subject: RouteSubject>(_ subject: Subject) -> Int? {
        var lookups = 0
        return match(subject, lookups: &lookups)
    }

    /// The same, adding to `lookups` how often a table was asked.
    package func match<Subject: RouteSubject>(_ subject: Subject, lookups: inout Int) -> Int? {
        let narrowest = subject.withHost { hostClass(of: $0, lookups: &lookups) }
        guard narrowest >= 0 else { return nil }
        var best = Int.max
        var longest = -1
        var current = narrowest
        while current >= 0 {
            let hostClass = classes[Int(current)]
            longest = max(longest, hostClass.longestPrefix, hostClass.longestExact)
            take(&best, from: hostClass.anyPath, subject)
            current = hostClass.wider
        }
        subject.withPath { path in
            var hash = RouterHash(seed: seed)
            for index in 0..<min(path.count, longest + 1) {
                if path[index] == UInt8(ascii: "/") {
                    let prefix = path.extracting(first: index)
                    takePrefix(&best, prefix, hash, narrowest, subject, lookups: &lookups)
                }
                hash.combine(path[index])
            }
            guard path.count <= longest else { return }
            takePrefix(&best, path, hash, narrowest, subject, lookups: &lookups)
            takeExact(&best, path, hash, narrowest, subject, lookups: &lookups)
        }
        return best == .max ? nil : best
    }

    /// The narrowest class that a host belongs to; -1 when no route applies to it.
    private func hostClass(of host: Span<UInt8>, lookups: inout Int) -> Int32 {
        let dot = UInt8(ascii: ".")
        let end = host.count > 0 && host[host.count - 1] == dot ? host.count - 1 : host.count
        var found = anyHost
        var hash = RouterHash(seed: seed)
        var start = end
        while start > 0 {
            // From the right, since suffixes share their end; nothing longer than what the routes name is read.
            guard end - start <= max(longestHost, longestSuffix) else { return found }
            start -= 1
            if host[start] == dot && start > 0 && end - start - 1 <= longestSuffix {
                lookups += 1
                let suffix = host.extracting(start + 1..<end)
                let scope = Self.hostSuffixScope
                found = hosts.value(of: suffix, hash: hash.value(scope: scope), scope: scope) ?? found
            }
            hash.combine(asciiLowercase(host[start]))
        }
        guard end > 0, end <= longestHost else { return found }
        lookups += 1
        let scope = Self.exactHostScope
        return hosts.value(of: host.extracting(first: end), hash: hash.value(scope: scope), scope: scope) ?? found
    }

    private func takePrefix<Subject: RouteSubject>(
        _ best: inout Int, _ prefix: Span<UInt8>, _ hash: RouterHash, _ narrowest: Int32, _ subject: Subject,
        lookups: inout Int
    ) {
        var current = narrowest
        while current >= 0 {
            if prefix.count <= classes[Int(current)].longestPrefix {
                lookups += 1
                let scope = Self.pathScope(current, isPrefix: true)
                if let list = paths.value(of: prefix, hash: hash.value(scope: scope), scope: scope) {
                    take(&best, from: lists[Int(list)], subject)
                }
            }
            current = classes[Int(current)].wider
        }
    }

    private func takeExact<Subject: RouteSubject>(
        _ best: inout Int, _ path: Span<UInt8>, _ hash: RouterHash, _ narrowest: Int32, _ subject: Subject,
        lookups: inout Int
    ) {
        var current = narrowest
        while current >= 0 {
            if path.count <= classes[Int(current)].longestExact {
                lookups += 1
                let scope = Self.pathScope(current, isPrefix: false)
                if let list = paths.value(of: path, hash: hash.value(scope: scope), scope: scope) {
                    take(&best, from: lists[Int(list)], subject)
                }
            }
            current = classes[Int(current)].wider
        }
    }

    /// Lowers `best` to the first route of a list whose method and headers fit.
    private func take<Subject: RouteSubject>(_ best: inout Int, from list: Range<Int>, _ subject: Subject) {
        for position in list {
            let route = Int(candidates[position])
            guard route < best else { return }
            if fits(rules[route], subject) {
                best = route
                return
            }
        }
    }

    private func fits<Subject: RouteSubject>(_ rule: Rule, _ subject: Subject) -> Bool {
        if rule.isFree { return true }
        if !rule.methods.isEmpty {
            let isNamed = subject.withMethod { method in rule.methods.contains { Self.equals($0, method) } }
            guard isNamed else { return false }
        }
        return rule.headers.allSatisfy { subject.headerEquals(name: $0.name, value: $0.value) }
    }

    private static func equals(_ left: [UInt8], _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }
}
