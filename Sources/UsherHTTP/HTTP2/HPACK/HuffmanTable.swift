/// Decodes HPACK's Huffman code four bits at a time (RFC 7541 §5.2, Appendix B).
///
/// A state is a node of the code's tree: the bits that were read of the symbol under way. For each state and each four
/// bits the table has the next state and the symbol that was completed on the way, of which there is at most one,
/// because the shortest code has five bits.
struct HuffmanTable: Sendable {
    /// One step: the next state in the low byte, a symbol above it, and flags.
    struct Step: Sendable {
        var bits: UInt32

        /// The code for the end of the string, or no code at all.
        static let invalid = Step(bits: 1 << 31)

        var isInvalid: Bool { bits >> 31 != 0 }
        var hasSymbol: Bool { bits >> 30 & 1 != 0 }
        var symbol: UInt8 { UInt8(truncatingIfNeeded: bits >> 8) }
        var state: Int { Int(bits & 0xFF) }
    }

    static let shared = HuffmanTable()

    /// 256 states with 16 steps each.
    private let steps: [Step]
    /// States in which a string may end: fewer than eight bits were read, all of them 1 (RFC 7541 §5.2).
    private let mayEnd: [Bool]

    private init() {
        var tree = Tree()
        for (symbol, code) in HuffmanCode.codes.enumerated() { tree.insert(symbol, code) }
        steps = tree.steps
        mayEnd = tree.mayEnd
    }

    /// Appends what `bytes` stand for to `text`; false when they are not what an encoder may write.
    @inline(__always)
    func decode(_ bytes: Span<UInt8>, to text: inout [UInt8]) -> Bool {
        var state = 0
        for index in bytes.indices {
            let byte = bytes[index]
            var step = steps[state &<< 4 | Int(byte &>> 4)]
            guard !step.isInvalid else { return false }
            if step.hasSymbol { text.append(step.symbol) }
            step = steps[step.state &<< 4 | Int(byte & 15)]
            guard !step.isInvalid else { return false }
            if step.hasSymbol { text.append(step.symbol) }
            state = step.state
        }
        return mayEnd[state]
    }

    /// The code as a binary tree; used once.
    private struct Tree {
        /// For each node its two children: another node, or `~symbol`.
        private var children: [(Int?, Int?)] = [(nil, nil)]
        /// How long the code is that leads to a node, and whether it consists of ones.
        private var depth: [(count: Int, isOnes: Bool)] = [(0, true)]

        mutating func insert(_ symbol: Int, _ code: HuffmanCode) {
            var node = 0
            for place in stride(from: code.count - 1, through: 0, by: -1) {
                let bit = code.bits >> UInt32(place) & 1
                let child = bit == 0 ? children[node].0 : children[node].1
                let next: Int
                if place == 0 {
                    next = ~symbol
                } else if let child {
                    next = child
                } else {
                    next = children.count
                    children.append((nil, nil))
                    depth.append((depth[node].count + 1, depth[node].isOnes && bit == 1))
                }
                if bit == 0 { children[node].0 = next } else { children[node].1 = next }
                if next >= 0 { node = next }
            }
        }

        var mayEnd: [Bool] { depth.map { $0.isOnes && $0.count < 8 } }

        var steps: [Step] {
            children.indices.flatMap { node in (0..<16).map { step(from: node, UInt32($0)) } }
        }

        private func step(from start: Int, _ bits: UInt32) -> Step {
            var node = start
            var found: UInt32 = 0
            for place in stride(from: UInt32(3), through: 0, by: -1) {
                let child = bits >> place & 1 == 0 ? children[node].0 : children[node].1
                guard let child, child != ~HuffmanCode.endOfString else { return .invalid }
                if child >= 0 {
                    node = child
                } else {
                    found = 1 << 30 | UInt32(~child) << 8
                    node = 0
                }
            }
            return Step(bits: found | UInt32(node))
        }
    }
}
