import UsherCore

/// Draws ready endpoints at random in proportion to their weights, each draw in constant time.
///
/// An alias table (Walker, Vose): every column holds one endpoint's share and tops it up with one other's, so a draw is
/// one column and one coin. It is rebuilt when readiness changes, in memory that was reserved before.
struct Lottery: Sendable {
    private struct Column {
        var endpoint: Int32
        var alias: Int32
        /// The coin's values below this fall to `endpoint`, the others to `alias`.
        var threshold: UInt64
        var weight: Int
    }

    private var columns: [Column] = []
    /// Rebuilding: what each column still has to give away, in units of 1/(count × total weight).
    private var remaining: [Int] = []
    /// Rebuilding: columns that lack something, from the front, and columns that have too much, from the back.
    private var pending: [Int] = []

    init(capacity: Int) {
        columns.reserveCapacity(capacity)
        remaining.reserveCapacity(capacity)
        pending.reserveCapacity(capacity)
    }

    var count: Int { columns.count }

    /// One endpoint that is neither tried nor `other` (-1: no such), by its place in `states`; nil when there is none.
    func draw(
        _ states: [EndpointState], excluding tried: TriedEndpoints, and other: Int32, random: inout SeededRandom
    ) -> Int32? {
        guard !columns.isEmpty else { return nil }
        // A rejected draw is simply repeated, which keeps the proportions of the rest.
        for _ in 0..<4 {
            let (high, coin) = random.next().multipliedFullWidth(by: UInt64(columns.count))
            let column = columns[Int(high)]
            let endpoint = coin < column.threshold ? column.endpoint : column.alias
            guard endpoint != other else { continue }
            if tried.isEmpty || !tried.contains(states[Int(endpoint)].id) { return endpoint }
        }
        return drawAmongRest(states, excluding: tried, and: other, random: &random)
    }

    /// The same draw by counting, for when most of the weight is excluded.
    @inline(never)
    private func drawAmongRest(
        _ states: [EndpointState], excluding tried: TriedEndpoints, and other: Int32, random: inout SeededRandom
    ) -> Int32? {
        func isCandidate(_ endpoint: Int32) -> Bool {
            endpoint != other && !tried.contains(states[Int(endpoint)].id)
        }
        var total = 0
        for column in columns where isCandidate(column.endpoint) { total += column.weight }
        guard total > 0 else { return nil }
        var ticket = random.below(total)
        for column in columns where isCandidate(column.endpoint) {
            if ticket < column.weight { return column.endpoint }
            ticket -= column.weight
        }
        return nil
    }

    mutating func removeAll() {
        columns.removeAll(keepingCapacity: true)
    }

    mutating func append(endpoint: Int32, weight: Int) {
        columns.append(Column(endpoint: endpoint, alias: endpoint, threshold: .max, weight: weight))
    }

    /// Levels the columns after all endpoints were appended.
    mutating func finish() {
        let count = columns.count
        let total = columns.reduce(0) { $0 + $1.weight }
        remaining.removeAll(keepingCapacity: true)
        pending.removeAll(keepingCapacity: true)
        var lacking = 0
        var exceeding = count
        for column in columns {
            remaining.append(column.weight * count)
            pending.append(0)
        }
        for index in 0..<count {
            if remaining[index] < total {
                pending[lacking] = index
                lacking += 1
            } else {
                exceeding -= 1
                pending[exceeding] = index
            }
        }
        while lacking > 0 && exceeding < count {
            lacking -= 1
            let poor = pending[lacking]
            let rich = pending[exceeding]
            // remaining < total, so the quotient fits: the share of the column as a fraction of 2⁶⁴.
            columns[poor].threshold = UInt64(total).dividingFullWidth((UInt64(remaining[poor]), 0)).quotient
            columns[poor].alias = columns[rich].endpoint
            remaining[rich] -= total - remaining[poor]
            if remaining[rich] < total {
                exceeding += 1
                pending[lacking] = rich
                lacking += 1
            }
        }
    }
}
