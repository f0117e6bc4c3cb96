import Crypto
import FoundationEssentials

/// What cookies are signed with; all gateways that share sessions share it.
///
/// It is never used itself: every purpose gets a key of its own (HKDF-SHA-256), so that what is signed for one cannot
/// be shown for another.
struct SessionSecret: Sendable {
    /// Fewer bytes could be guessed.
    static let fewestBytes = 16

    private let material: SymmetricKey

    /// One that nobody else knows.
    init() {
        self.material = SymmetricKey(size: .bits256)
    }

    /// Nil when there are fewer than `fewestBytes`.
    init?(bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count >= Self.fewestBytes else { return nil }
        self.material = SymmetricKey(data: bytes)
    }

    /// The key for a purpose and the names it is bound to, each preceded by its length.
    func key(for purpose: String, names: [String]) -> SymmetricKey {
        var info: [UInt8] = []
        for name in [purpose] + names {
            let count = UInt64(name.utf8.count)
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                info.append(UInt8(truncatingIfNeeded: count &>> shift))
            }
            info.append(contentsOf: name.utf8)
        }
        return HKDF<SHA256>.deriveKey(inputKeyMaterial: self.material, info: info, outputByteCount: 32)
    }
}
