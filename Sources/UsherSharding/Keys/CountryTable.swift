public import UsherCore

/// Which country, or which part of the world else, an address belongs to: ranges of addresses and their codes.
///
/// Where ranges overlap the longest prefix wins. In memory a boundary between two codes takes 8 bytes for IPv4 and 16
/// for IPv6.
public struct CountryTable: Sendable {
    private let v4: CodedIntervals<UInt32>
    /// By the first eight bytes.
    private let v6: CodedIntervals<UInt64>
    /// Ranges with a prefix over 64, of which there are few; they win over those of `v6`.
    private let longV6: CodedIntervals<UInt128>
    private let codes: [[UInt8]]

    /// Reads lines of `CIDR,CODE`, such as `192.0.2.0/24,DE`.
    ///
    /// Fields may stand in quotes. Spaces around them, empty lines and what follows `#` are left aside, and so is the
    /// first line when it begins with a word, the name of a column. A code has 1 to 16 letters, digits or `-`, and is
    /// kept as it is written.
    ///
    /// - Throws: the first line that cannot be read, or that gives a range another code than one before, with its
    ///   number, and how many more there are.
    public init(text: Span<UInt8>) throws(TextProblem) {
        var reader = CountryTableReader()
        reader.read(text)
        v4 = CodedIntervals(&reader.v4, &reader.problems)
        v6 = CodedIntervals(&reader.v6, &reader.problems)
        longV6 = CodedIntervals(&reader.longV6, &reader.problems)
        codes = reader.codes
        try reader.problems.check()
    }

    /// The code as it was written; nil when no range holds the address. Allocates nothing.
    public func code(of address: IPAddress) -> [UInt8]? {
        number(of: address).map { codes[Int($0)] }
    }

    private func number(of address: IPAddress) -> UInt16? {
        if let number = address.v4 { return v4.code(at: number) }
        return longV6.code(at: UInt128(address)) ?? v6.code(at: address.high)
    }
}

extension UInt128 {
    init(_ address: IPAddress) {
        self = UInt128(address.high) << 64 | UInt128(address.low)
    }
}
