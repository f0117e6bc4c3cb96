/// One worker's counters of a service's endpoints; only those that were used take more than four bytes.
///
/// In a service of thousands of endpoints most are idle on most workers.
struct EndpointTable: Sendable {
    /// Where in `used` each endpoint is counted; -1 for those that never were used.
    private var places: [Int32]
    private(set) var used: [EndpointMetrics] = []

    init(count: Int) {
        places = Array(repeating: -1, count: max(count, 0))
    }

    /// How many endpoints there are, used or not.
    var count: Int { places.count }

    /// What was counted for an endpoint; nil when nothing was, or there is no such number.
    subscript(endpoint: Int) -> EndpointMetrics? {
        guard places.indices.contains(endpoint), places[endpoint] >= 0 else { return nil }
        return used[Int(places[endpoint])]
    }

    /// Changes an endpoint's counters; the first change makes the place for them. Unknown numbers are ignored.
    @inline(__always)
    mutating func update(_ endpoint: Int, _ body: (inout EndpointMetrics) -> Void) {
        guard places.indices.contains(endpoint) else { return }
        if places[endpoint] < 0 {
            guard let place = Int32(exactly: used.count) else { return }
            places[endpoint] = place
            used.append(EndpointMetrics())
        }
        body(&used[Int(places[endpoint])])
    }

    /// The counters at new places: for each new endpoint `origins` has its old number, or nil when it is new.
    ///
    /// Those that no new endpoint comes from are forgotten; one that two come from goes to the first.
    consuming func rearranged(_ origins: [Int?]) -> EndpointTable {
        var result = EndpointTable(count: origins.count)
        result.used.reserveCapacity(min(used.count, origins.count))
        for (endpoint, origin) in origins.enumerated() {
            guard let origin, places.indices.contains(origin), places[origin] >= 0 else { continue }
            // No more than this table has, whose places are such numbers too.
            result.places[endpoint] = Int32(truncatingIfNeeded: result.used.count)
            result.used.append(used[Int(places[origin])])
            places[origin] = -1
        }
        return result
    }

    /// Makes it so many endpoints: new ones at the end, or fewer.
    consuming func resized(to count: Int) -> EndpointTable {
        count == self.count ? self : rearranged((0..<max(count, 0)).map { $0 < self.count ? $0 : nil })
    }

    /// Adds what another worker counted for the same endpoints; those that only the other has are ignored.
    mutating func merge(_ other: EndpointTable) {
        for endpoint in other.places.indices where other.places[endpoint] >= 0 {
            update(endpoint) { $0.merge(other.used[Int(other.places[endpoint])]) }
        }
    }
}
