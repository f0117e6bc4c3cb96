/// Jump consistent hash (Lamping and Veach, 2014): a key moves from one of n buckets only when there are fewer, and to
/// the newest only when there are more.
enum JumpHash {
    /// - Parameters:
    ///   - key: spread evenly.
    ///   - buckets: at least 1.
    static func bucket(of key: UInt64, buckets: Int) -> Int {
        var key = key
        var bucket = 0
        var next = 0
        while next < buckets {
            bucket = next
            // A linear congruential generator modulo 2⁶⁴.
            key = key &* 2_862_933_555_777_941_757 &+ 1
            // Below 2³¹ × 65,535 ÷ 1.
            next = Int(Double(bucket + 1) * (2_147_483_648 / Double(key &>> 33 + 1)))
        }
        return bucket
    }
}
