extension ShardMap {
    /// The part of all possible keys that each shard owns: exact for `maglev` and `ring`, expected for `rendezvous`,
    /// `jump` and `modulo`. Nil for `ranges` and `map`, where it depends on the keys that are used.
    public var shares: [Double]? {
        switch placement {
        case .rendezvous: wantedShares
        case .maglev(let table): table.counts(shards: shards.count).map { Double($0) / Double(table.places.count) }
        case .ring(let ring): ring.shares
        case .jump, .modulo: [Double](repeating: 1 / Double(shards.count), count: shards.count)
        case .ranges, .map: nil
        }
    }

    /// The greatest of the shards' shares, each divided by what its weight asks for. Nil for `ranges` and `map`.
    public var peakToMean: Double? {
        shares.map { zip($0, wantedShares).reduce(0) { max($0, $1.0 / $1.1) } }
    }

    private var wantedShares: [Double] {
        let total = shards.reduce(0) { $0 + $1.weight }
        return shards.map { Double($0.weight) / Double(total) }
    }
}
