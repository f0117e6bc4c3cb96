/// One worker's counters by route and service; only pairs that were used take room: a route has few services.
struct RouteTable: Sendable {
    struct Pair: Sendable {
        /// -1: none.
        let route: Int
        let service: Int
        /// The place of the route's next pair, -1 for none.
        fileprivate var next: Int32
        var counted = RouteMetrics()
    }

    /// In the order of their first requests.
    private(set) var pairs: [Pair] = []
    /// The place of the newest pair of each route, -1 for those never used; the first is that of no route.
    private var heads: [Int32]
    private let serviceCount: Int

    init(routes: Int, services: Int) {
        heads = Array(repeating: -1, count: max(routes, 0) + 1)
        serviceCount = max(services, 0)
    }

    /// What was counted for a route and a service (-1: none); nil when the pair was never used.
    subscript(route: Int, service: Int) -> RouteMetrics? {
        guard route >= -1, route < heads.count - 1, let place = place(route, service) else { return nil }
        return pairs[place].counted
    }

    /// Changes a pair's counters; the first change makes the place for them. Unknown numbers are ignored.
    @inline(__always)
    mutating func update(_ route: Int, _ service: Int, _ body: (inout RouteMetrics) -> Void) {
        guard route >= -1, route < heads.count - 1, service >= -1, service < serviceCount else { return }
        guard let place = place(route, service) ?? add(route, service) else { return }
        body(&pairs[place].counted)
    }

    /// Adds the pairs of another table under the numbers that `number` gives them; nil: the pair is left out.
    mutating func merge(_ other: RouteTable, number: (Pair) -> (route: Int, service: Int)?) {
        for pair in other.pairs {
            guard let (route, service) = number(pair) else { continue }
            update(route, service) { $0.merge(pair.counted) }
        }
    }

    @inline(__always)
    private func place(_ route: Int, _ service: Int) -> Int? {
        var place = heads[route + 1]
        while place >= 0 {
            let pair = pairs[Int(place)]
            if pair.service == service { return Int(place) }
            place = pair.next
        }
        return nil
    }

    @inline(never)
    private mutating func add(_ route: Int, _ service: Int) -> Int? {
        guard let place = Int32(exactly: pairs.count) else { return nil }
        pairs.append(Pair(route: route, service: service, next: heads[route + 1]))
        heads[route + 1] = place
        return Int(place)
    }
}
