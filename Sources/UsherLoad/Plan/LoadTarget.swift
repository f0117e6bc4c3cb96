/// One request of a run, before it is written down for a protocol.
package struct LoadTarget: Sendable, Hashable {
    /// In upper case as it goes on the wire.
    package var method: String
    /// Path and query; `{n}` stands for the number of a key.
    package var target: String
    /// Nil: the server's own name.
    package var host: String?

    package init(method: String = "GET", target: String, host: String? = nil) {
        self.method = method
        self.target = target
        self.host = host
    }

    /// What stands for the number of a key.
    package static let placeholder = "{n}"

    package var isNumbered: Bool { target.contains(Self.placeholder) }

    /// Whether it only reads, so that sending it again and again changes nothing on the server.
    package var isSafe: Bool { method == "GET" || method == "HEAD" }
}

/// The requests of a run, in the order in which they were given; equal ones are kept once.
package struct TargetList: Sendable {
    /// Each target once, in the order of its first occurrence.
    package private(set) var distinct: [LoadTarget] = []
    /// Places in `distinct`.
    package private(set) var order: [UInt32] = []
    private var places: [LoadTarget: UInt32] = [:]

    /// More requests are left out; they would only be memory.
    package static let countMax = 1_000_000

    package init() {}

    package init(_ targets: [LoadTarget]) {
        for target in targets { _ = add(target) }
    }

    package var count: Int { order.count }
    package var isEmpty: Bool { order.isEmpty }
    package var isNumbered: Bool { distinct.contains(where: \.isNumbered) }

    /// False: there is no room for more.
    package mutating func add(_ target: LoadTarget) -> Bool {
        guard order.count < Self.countMax else { return false }
        if let place = places[target] {
            order.append(place)
        } else {
            let place = UInt32(clamping: distinct.count)
            places[target] = place
            distinct.append(target)
            order.append(place)
        }
        return true
    }
}
