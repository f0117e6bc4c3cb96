/// Sorts routes into the tables of a `Router`.
struct RouterBuilder {
    private struct PathKey: Hashable {
        var hostClass: Int32
        var isPrefix: Bool
        var bytes: [UInt8]
    }

    private struct HostKey: Hashable {
        var isSuffix: Bool
        var bytes: [UInt8]
    }

    private(set) var classes: [Router.HostClass] = []
    private(set) var anyHost: Int32 = -1
    private(set) var hostKeys: [(scope: UInt32, bytes: [UInt8], hash: UInt64, value: Int32)] = []
    private(set) var longestSuffix = -1
    private(set) var longestHost = -1
    private(set) var pathKeys: [(scope: UInt32, bytes: [UInt8], hash: UInt64, value: Int32)] = []
    private(set) var candidates: [Int32] = []
    private(set) var lists: [Range<Int>] = []

    private let seed: UInt64
    private var hostClasses: [HostKey: Int32] = [:]

    init(_ patterns: [RoutePattern], seed: UInt64) {
        self.seed = seed
        var anyPath: [[Int32]] = []
        var routes: [PathKey: [Int32]] = [:]
        var order: [PathKey] = []
        for (index, pattern) in patterns.enumerated() {
            let number = Int32(clamping: index)
            let hostClass = self.hostClass(of: pattern.host)
            while anyPath.count < classes.count { anyPath.append([]) }
            guard let key = pathKey(of: pattern.path, hostClass) else {
                anyPath[Int(hostClass)].append(number)
                continue
            }
            if routes[key] == nil { order.append(key) }
            routes[key, default: []].append(number)
        }
        for (index, numbers) in anyPath.enumerated() { classes[index].anyPath = append(numbers) }
        for key in order {
            let scope = Router.pathScope(key.hostClass, isPrefix: key.isPrefix)
            var hash = RouterHash(seed: seed)
            for byte in key.bytes { hash.combine(byte) }
            pathKeys.append((scope, key.bytes, hash.value(scope: scope), Int32(clamping: lists.count)))
            lists.append(append(routes[key, default: []]))
        }
        linkClasses()
    }

    private mutating func append(_ numbers: [Int32]) -> Range<Int> {
        let start = candidates.count
        candidates.append(contentsOf: numbers)
        return start..<candidates.count
    }

    private mutating func newClass() -> Int32 {
        classes.append(Router.HostClass())
        return Int32(clamping: classes.count - 1)
    }

    private mutating func hostClass(of host: RoutePattern.Host) -> Int32 {
        let key: HostKey
        switch host {
        case .any:
            if anyHost < 0 { anyHost = newClass() }
            return anyHost
        case .exact(let name):
            key = HostKey(isSuffix: false, bytes: Self.normalised(name))
            longestHost = max(longestHost, key.bytes.count)
        case .suffix(let name):
            key = HostKey(isSuffix: true, bytes: Self.normalised(name))
            longestSuffix = max(longestSuffix, key.bytes.count)
        }
        if let known = hostClasses[key] { return known }
        let created = newClass()
        hostClasses[key] = created
        var hash = RouterHash(seed: seed)
        for byte in key.bytes.reversed() { hash.combine(byte) }
        let scope = key.isSuffix ? Router.hostSuffixScope : Router.exactHostScope
        hostKeys.append((scope, key.bytes, hash.value(scope: scope), created))
        return created
    }

    private static func normalised(_ name: String) -> [UInt8] {
        var bytes = name.utf8.map(asciiLowercase)
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        return bytes
    }

    private mutating func pathKey(of path: RoutePattern.Path, _ hostClass: Int32) -> PathKey? {
        switch path {
        case .any:
            return nil
        case .exact(let text):
            let bytes = Array(text.utf8)
            classes[Int(hostClass)].longestExact = max(classes[Int(hostClass)].longestExact, bytes.count)
            return PathKey(hostClass: hostClass, isPrefix: false, bytes: bytes)
        case .prefix(let text):
            let bytes = Array(text.utf8)
            classes[Int(hostClass)].longestPrefix = max(classes[Int(hostClass)].longestPrefix, bytes.count)
            return PathKey(hostClass: hostClass, isPrefix: true, bytes: bytes)
        }
    }

    /// Points every host at the longest suffix that contains it, else at the class of any host.
    private mutating func linkClasses() {
        let dot = UInt8(ascii: ".")
        for (key, created) in hostClasses {
            classes[Int(created)].wider = anyHost
            for index in key.bytes.indices where key.bytes[index] == dot && (index > 0 || key.isSuffix) {
                let suffix = HostKey(isSuffix: true, bytes: Array(key.bytes[(index + 1)...]))
                guard let wider = hostClasses[suffix] else { continue }
                classes[Int(created)].wider = wider
                break
            }
        }
    }
}
