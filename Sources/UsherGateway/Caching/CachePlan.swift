import Synchronization
import UsherCaching
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherStores
import UsherTelemetry
import UsherTransport

/// One cache, ready to be asked; shared by all workers, and the same one across reloads.
final class CachePlan: Sendable {
    let index: Int
    let name: String
    let logName: [UInt8]
    let settings: CacheSettings
    /// What is kept; outlives reloads.
    let memory: CacheMemory
    var store: any CacheStore { self.memory.store }

    /// - Parameter earlier: the cache of this name before a reload.
    init(index: Int, _ settings: CacheSettings, earlier: CachePlan?) {
        self.index = index
        self.name = settings.name
        self.logName = AccessEntry.name(settings.name)
        self.settings = settings
        self.memory = earlier?.memory ?? CacheMemory(budget: Int(clamping: settings.memory.bytes))
    }

    /// It is in force: what does not fit into it any more goes.
    func takesEffect() {
        self.memory.store.setBudget(Int(clamping: self.settings.memory.bytes))
    }
}

/// What a cache holds: its answers, those that are on their way, and purges that go through them.
final class CacheMemory: Sendable {
    let store: MemoryCacheStore
    let fetches = FetchTable()
    let walk: PurgeWalk
    /// Of answers that are on their way and are to be kept. Unit: bytes.
    private let filling = Atomic<Int>(0)

    init(budget: Int) {
        self.store = MemoryCacheStore(budget: budget)
        self.walk = PurgeWalk(self.store)
    }

    /// Makes room for more of an answer that is on its way; false: all of them together take half of the budget.
    func fill(_ bytes: Int) -> Bool {
        self.filling.add(bytes, ordering: .relaxed).newValue <= self.store.budgetBytes / 2
    }

    /// Such an answer is kept, or will not be.
    func filled(_ bytes: Int) {
        self.filling.subtract(bytes, ordering: .relaxed)
    }

    /// Takes answers out, those too that are on their way, by a walk through all that are there.
    func purge(_ order: PurgeOrder) {
        self.fetches.purge(order.rule)
        self.walk.order(order)
    }
}

/// How one route uses a cache.
final class CacheUse: Sendable {
    let plan: CachePlan
    /// Keeps the answers of routes apart that treat the same target in different ways.
    let space: UInt64
    private let key: [Template]?
    private let dropped: [ParameterPattern]
    /// Fields that the service gets from Usher: an answer that depends on them is for the client that it was made for,
    /// because nothing of another request tells what they would be.
    private let written: Set<[UInt8]>
    private let sortsQuery: Bool

    /// The configuration was checked: a cache of this name exists.
    init?(_ route: RouteSettings, of caches: [CachePlan]) {
        guard let name = route.cache, let plan = caches.first(where: { $0.name == name }) else { return nil }
        self.plan = plan
        self.space = Self.space(of: route)
        self.key = plan.settings.key
        self.dropped = plan.settings.dropQuery.map(ParameterPattern.init)
        self.sortsQuery = plan.settings.sortQuery
        let edited = route.requestHeaders.set.map(\.name) + route.requestHeaders.remove
        self.written = Self.ownFields.union(edited.map { Array($0.lowercased().utf8) })
    }

    private static let ownFields = Set(
        [
            "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "forwarded",
            "via", "traceparent", "tracestate", "x-request-id", "host",
        ].map { Array($0.utf8) })

    /// Which fields of requests an answer depends on; nil: no other request may have it.
    func names(_ head: ResponseHead) -> VaryNames? {
        guard let names = VaryNames(head) else { return nil }
        let usher = Array("usher-".utf8)
        let isOwn = names.names.contains { self.written.contains($0) || $0.starts(with: usher) }
        return isOwn ? nil : names
    }

    /// What is a route's own beside the target: its conditions, its services, and what it makes of requests. So a field
    /// of the request that chooses a route chooses among answers as well.
    private static func space(of route: RouteSettings) -> UInt64 {
        var hash = SipHash(key: (0, 0))
        let text = "\(route.match)|\(route.action)|\(route.stripPrefix ?? "")|\(route.requestHeaders)"
        hash.append(Array(text.utf8).span)
        return hash.finish()
    }

    // MARK: Keys

    /// The name of a request's answer.
    ///
    /// - Parameter scratch: memory that is used again and again; its contents do not matter.
    func key(
        of head: RequestHead, _ peer: Peer, _ caller: Caller, _ route: RoutePlan, _ scratch: inout [UInt8]
    ) -> KeyedHash {
        scratch.removeAll(keepingCapacity: true)
        if let key = self.key {
            let source = RequestSource(head, peer: peer, caller: caller, plan: route)
            for template in key {
                let start = scratch.count
                template.render(into: &scratch, from: source)
                // The length behind each part keeps `ab`, `c` and `a`, `bc` apart.
                let length = UInt32(clamping: scratch.count - start)
                for shift in stride(from: UInt32(0), to: 32, by: 8) {
                    scratch.append(UInt8(truncatingIfNeeded: length >> shift))
                }
            }
        } else {
            self.writeTarget(of: head, isSecure: peer.isSecure(head), to: &scratch)
        }
        return Self.hash(scratch.span, space: self.space)
    }

    /// The cache has a `key` of its own: where the answers of a target are cannot be told from the target.
    var hasOwnKey: Bool { self.key != nil }

    /// Takes out what is there of a target, and what is on its way; returns how many answers were there.
    ///
    /// - Parameter softly: they stay and count as stale from that moment on.
    @discardableResult
    func purge(_ target: [UInt8], softly now: MonotonicTime? = nil) -> Int {
        self.purge(at: Self.hash(target.span, space: self.space), softly: now)
    }

    /// The same for the answer that a request would get, of a cache with a `key` of its own.
    ///
    /// - Parameter spared: the target whose answers are left to a walk, where they would only be counted twice.
    @discardableResult
    func purge(
        _ head: RequestHead, _ peer: Peer, _ caller: Caller, _ route: RoutePlan, softly now: MonotonicTime? = nil,
        sparing spared: [UInt8] = [], _ scratch: inout [UInt8]
    ) -> Int {
        self.purge(at: self.key(of: head, peer, caller, route, &scratch), softly: now, sparing: spared)
    }

    private func purge(at key: KeyedHash, softly now: MonotonicTime?, sparing spared: [UInt8] = []) -> Int {
        let memory = self.plan.memory
        memory.fetches.purge(key)
        return now.map { memory.store.expire(key, now: $0, sparing: spared) } ?? memory.store.remove(key)
    }

    /// The name of a target's answer for some selecting fields.
    static func variant(_ key: KeyedHash, _ names: VaryNames, _ head: RequestHead, _ scratch: inout [UInt8])
        -> KeyedHash
    {
        scratch.removeAll(keepingCapacity: true)
        names.append(selecting: head, to: &scratch)
        return KeyedHash(value: scratch.span, secret: (key.high, key.low))
    }

    private static func hash(_ text: Span<UInt8>, space: UInt64) -> KeyedHash {
        KeyedHash(value: text, secret: self.secret, space: space)
    }

    /// Of this process, so that nobody outside can make two targets meet.
    private static let secret = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

    // MARK: Targets

    /// `http://host/path?query`, with what the cache's rules make of the query.
    func writeTarget(of head: RequestHead, isSecure: Bool, to text: inout [UInt8]) {
        head.withBytes(head.authority) { authority in Self.writeOrigin(authority, isSecure: isSecure, to: &text) }
        self.writePathAndQuery(of: head, to: &text)
    }

    /// What the service is asked for as well: what is no part of the key must not shape what is kept.
    func writePathAndQuery(of head: RequestHead, to text: inout [UInt8]) {
        head.withBytes(head.path) { path in text.append(path) }
        if !head.query.isEmpty { head.withBytes(head.query) { query in self.writeQuery(query, to: &text) } }
    }

    /// The same of a target that an answer names.
    func target(_ target: Invalidation.Target, isSecure: Bool) -> [UInt8] {
        var text: [UInt8] = []
        Self.writeOrigin(target.authority.span, isSecure: isSecure, to: &text)
        let path = target.pathAndQuery.prefix { $0 != UInt8(ascii: "?") }
        text += path
        self.writeQuery(Array(target.pathAndQuery.dropFirst(path.count + 1)).span, to: &text)
        return text
    }

    private static func writeOrigin(_ authority: Span<UInt8>, isSecure: Bool, to text: inout [UInt8]) {
        text.append(contentsOf: isSecure ? Self.secureScheme : Self.clearScheme)
        let start = text.count
        text.append(authority.extracting(0..<Self.countWithoutPort(authority, isSecure: isSecure)))
        for index in start..<text.count where text[index] &- UInt8(ascii: "A") < 26 { text[index] |= 0x20 }
    }

    private static let secureScheme = Array("https://".utf8)
    private static let clearScheme = Array("http://".utf8)

    /// The port of the scheme is the same as none (RFC 3986 §6.2.3).
    private static func countWithoutPort(_ authority: Span<UInt8>, isSecure: Bool) -> Int {
        let port: StaticString = isSecure ? ":443" : ":80"
        let start = authority.count - port.utf8CodeUnitCount
        guard start > 0 else { return authority.count }
        for index in 0..<port.utf8CodeUnitCount where authority[start + index] != port.utf8Start[index] {
            return authority.count
        }
        return start
    }

    private func writeQuery(_ query: Span<UInt8>, to text: inout [UInt8]) {
        guard !query.isEmpty else { return }
        guard self.sortsQuery || !self.dropped.isEmpty else {
            text.append(UInt8(ascii: "?"))
            text.append(query)
            return
        }
        let bytes = query.indices.map { query[$0] }
        var pairs = bytes.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        pairs.removeAll { pair in self.dropped.contains { $0.matches(pair.prefix { $0 != UInt8(ascii: "=") }) } }
        // Of one name the order of the values may mean something: it stays.
        if self.sortsQuery { pairs = Self.sorted(pairs) }
        guard !pairs.isEmpty else { return }
        text.append(UInt8(ascii: "?"))
        text.append(contentsOf: pairs.joined(separator: CollectionOfOne(UInt8(ascii: "&"))))
    }

    private static func sorted(_ pairs: [ArraySlice<UInt8>]) -> [ArraySlice<UInt8>] {
        let names = pairs.map { $0.prefix { $0 != UInt8(ascii: "=") } }
        let order = pairs.indices.sorted { left, right in
            if names[left].elementsEqual(names[right]) { return left < right }
            return names[left].lexicographicallyPrecedes(names[right])
        }
        return order.map { pairs[$0] }
    }
}

/// A query parameter's name, or the beginning of one.
struct ParameterPattern: Sendable {
    private let name: [UInt8]
    private let isPrefix: Bool

    init(_ text: String) {
        self.isPrefix = text.hasSuffix("*")
        self.name = Array((self.isPrefix ? text.dropLast() : text[...]).utf8)
    }

    func matches(_ name: ArraySlice<UInt8>) -> Bool {
        self.isPrefix ? name.starts(with: self.name) : name.elementsEqual(self.name)
    }
}
