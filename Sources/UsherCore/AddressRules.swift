/// Networks (CIDR), found by the longest prefix in as many look-ups as there are different lengths.
public struct AddressList: Sendable, Hashable {
    /// Descending, without lengths that no network has.
    private var lengths: (v4: [Int], v6: [Int]) = ([], [])
    private var networks: Set<IPRange> = []

    public init(_ ranges: some Sequence<IPRange>) {
        networks = Set(ranges)
        lengths.v4 = Set(networks.filter(\.first.isV4).map(\.prefix)).sorted(by: >)
        lengths.v6 = Set(networks.filter { !$0.first.isV4 }.map(\.prefix)).sorted(by: >)
    }

    /// Reads one network or address a line; empty lines and what follows `#` are left aside.
    ///
    /// - Throws: the first line that is none, with its number, and how many more there are.
    public init(text: String) throws(TextProblem) {
        var ranges: [IPRange] = []
        var problems = LineProblems()
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.prefix { $0 != "#" }.filter { $0 != " " && $0 != "\t" && $0 != "\r" }
            guard !content.isEmpty else { continue }
            do {
                ranges.append(try IPRange(text: content))
            } catch {
                problems.add(error, line: index + 1)
            }
        }
        try problems.check()
        self.init(ranges)
    }

    public var count: Int { networks.count }

    /// The length of the longest prefix that holds the address; nil: none does.
    public func longestPrefix(of address: IPAddress) -> Int? {
        let candidates = address.isV4 ? lengths.v4 : lengths.v6
        return candidates.first { networks.contains(IPRange(address, prefix: $0)) }
    }

    public static func == (left: AddressList, right: AddressList) -> Bool { left.networks == right.networks }

    public func hash(into hasher: inout Hasher) { hasher.combine(networks) }
}

/// Who may connect. Of an allowing and a denying network that both hold an address the narrower one decides, and of two
/// that are equal the denying one.
public struct AddressRules: Sendable, Hashable {
    /// Nil: everybody that `deny` does not name.
    public var allow: AddressList?
    public var deny: AddressList?

    public init(allow: AddressList? = nil, deny: AddressList? = nil) {
        self.allow = allow
        self.deny = deny
    }

    public var isEmpty: Bool { allow == nil && deny == nil }

    public func admits(_ address: IPAddress) -> Bool {
        let allowed = allow?.longestPrefix(of: address)
        guard let denied = deny?.longestPrefix(of: address) else { return allow == nil || allowed != nil }
        return allowed.map { $0 > denied } ?? false
    }
}
