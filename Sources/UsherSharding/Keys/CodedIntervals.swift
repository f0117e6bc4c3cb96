import UsherCore

/// Numbers from 0 to the largest cut into intervals, each with a code's number or with none.
///
/// A search tree without pointers: a node has `width` boundaries and one child more, and the children of node n are
/// `n * (width + 1) + 1` and those behind it. What a look-up costs is memory that is in no near cache: two nodes of a
/// million boundaries are, where halving a sorted list meets six or seven such places.
struct CodedIntervals<Bound: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable {
    /// All numbers that share a prefix, and their code, as one line of a file gives them.
    struct Entry {
        let first: Bound
        let last: Bound
        let code: UInt16
        /// From 1, for what is said of it.
        let line: UInt32

        init(first: Bound, prefix: Int, code: UInt16, line: UInt32) {
            self.first = first
            self.last = first | .max >> prefix
            self.code = code
            self.line = line
        }
    }

    /// Where an interval begins.
    private struct Boundary {
        var start: Bound
        var code: UInt16
    }

    /// Stands for no code.
    static var none: UInt16 { .max }
    private static var width: Int { 16 }

    /// Node by node. The last nodes are filled up with the largest number, which has the last code.
    private var nodes: [Boundary]

    /// - Parameter entries: are sorted on the way; those of a sorted file are only looked at.
    init(_ entries: inout [Entry], _ problems: inout LineProblems) {
        entries.sort { $0.first != $1.first ? $0.first < $1.first : $0.last > $1.last }
        var boundaries: [Boundary] = []
        // Entries lie in each other or apart. These have begun and not ended, each in the one below it.
        var open: [Entry] = []
        for entry in entries {
            while let inner = open.last, inner.last < entry.first { Self.end(&open, &boundaries) }
            if let same = open.last, same.first == entry.first, same.last == entry.last {
                guard same.code != entry.code else { continue }
                let lines = (min(same.line, entry.line), max(same.line, entry.line))
                problems.add(TextProblem("the range has another code in line \(lines.0)"), line: Int(lines.1))
                continue
            }
            Self.begin(entry.code, at: entry.first, &boundaries)
            open.append(entry)
        }
        while !open.isEmpty { Self.end(&open, &boundaries) }
        let rest = Boundary(start: .max, code: boundaries.last?.code ?? Self.none)
        nodes = Array(repeating: rest, count: (boundaries.count + Self.width - 1) / Self.width * Self.width)
        var count = 0
        fill(node: 0, from: boundaries, &count)
    }

    /// From here on the numbers have this code. Places never descend.
    private static func begin(_ code: UInt16, at start: Bound, _ boundaries: inout [Boundary]) {
        // What began at the same place holds no number.
        if boundaries.last?.start == start { boundaries.removeLast() }
        if boundaries.last?.code != code { boundaries.append(Boundary(start: start, code: code)) }
    }

    /// Closes the innermost; behind it the one around it goes on.
    private static func end(_ open: inout [Entry], _ boundaries: inout [Boundary]) {
        guard let last = open.popLast()?.last, last < .max else { return }
        begin(open.last?.code ?? none, at: last + 1, &boundaries)
    }

    /// Puts boundaries, of which `count` have a place, into a node and all below it: six deep for sixteen millions.
    private mutating func fill(node: Int, from boundaries: [Boundary], _ count: inout Int) {
        guard node * Self.width < nodes.count else { return }
        for index in 0...Self.width {
            fill(node: node * (Self.width + 1) + 1 + index, from: boundaries, &count)
            guard index < Self.width, count < boundaries.count else { continue }
            nodes[node * Self.width + index] = boundaries[count]
            count += 1
        }
    }

    /// Nil when no interval with a code holds the number.
    func code(at number: Bound) -> UInt16? {
        var code = Self.none
        var node = 0
        while (node + 1) * Self.width <= nodes.count {
            let first = node * Self.width
            var passed = 0
            // Without branches that depend on the numbers.
            for index in first..<first + Self.width { passed += nodes[index].start <= number ? 1 : 0 }
            // The nodes below on the way only have boundaries between this one and the number.
            if passed > 0 { code = nodes[first + passed - 1].code }
            node = node * (Self.width + 1) + 1 + passed
        }
        return code == Self.none ? nil : code
    }
}
