internal import Crypto
internal import CryptoExtras
internal import FoundationEssentials
package import UsherCore

/// A password's salted scrypt hash (RFC 7914), which takes time and memory to try a password against.
///
/// The text form is `scrypt$LOG2N$R$P$SALT$HASH`, salt and hash in base64url without padding. The parameters are
/// bounded, so that no file makes one check take gigabytes or minutes. A check with the default takes 16 MiB.
package struct PasswordHash: Sendable, Hashable, CustomStringConvertible {
    /// How much work one check is.
    package struct Cost: Sendable, Hashable {
        /// Rounds are 2 to this. Range: 10...18.
        package let log2Rounds: Int
        /// Range: 1...16.
        package let blockSize: Int
        /// Range: 1...4; it multiplies the time alone.
        package let parallelism: Int

        package static let standard = Cost(log2Rounds: 14, blockSize: 8, parallelism: 1)

        /// Bytes of memory: 128 × rounds × block size. At most 256 MiB.
        package var memory: Int { 128 * self.blockSize << self.log2Rounds }

        static let mostMemory = 256 << 20
        fileprivate var isBounded: Bool {
            (10...18).contains(self.log2Rounds) && (1...16).contains(self.blockSize)
                && (1...4).contains(self.parallelism) && self.memory <= Self.mostMemory
        }
    }

    /// The longest password; HTTP basic authentication brings no longer one. Unit: bytes.
    package static let longestPassword = 1024
    private static let saltBytes = 16
    private static let hashBytes = 32

    package let cost: Cost
    private let salt: [UInt8]
    private let hash: [UInt8]

    /// Stands in for the hash of a user that does not exist, so that the time of a check does not tell who does.
    package static let decoy = PasswordHash.makeDecoy(cost: .standard)

    /// Reads the text form.
    package init(text: some StringProtocol) throws(TextProblem) {
        let parts = text.utf8.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].elementsEqual("scrypt".utf8) else {
            throw TextProblem("is not a password hash, such as scrypt$14$8$1$SALT$HASH")
        }
        let numbers = parts[1...3].compactMap { Self.number($0) }
        guard numbers.count == 3 else {
            throw TextProblem("has parameters that are not whole numbers; scrypt$14$8$1$… has the usual ones")
        }
        // Bounded before any of them is computed with.
        self.cost = Cost(log2Rounds: numbers[0], blockSize: numbers[1], parallelism: numbers[2])
        guard self.cost.isBounded else {
            throw TextProblem("has parameters out of range: log2 N 10 to 18, r 1 to 16, p 1 to 4, at most 256 MiB")
        }
        guard let salt = Base64.decodeURL(parts[4]), let hash = Base64.decodeURL(parts[5]) else {
            throw TextProblem("has a salt or hash that is not base64url without padding")
        }
        guard (8...64).contains(salt.count), (32...64).contains(hash.count) else {
            throw TextProblem("needs a salt of 8 to 64 bytes and a hash of 32 to 64")
        }
        self.salt = salt
        self.hash = hash
    }

    private init(cost: Cost, salt: [UInt8], hash: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// Hashes a password with a salt of its own; takes as long as a check.
    package static func make(
        password: some Collection<UInt8>, cost: Cost = .standard
    ) throws(TextProblem) -> PasswordHash {
        let password = Array(password)
        guard !password.isEmpty else { throw TextProblem("the password is empty") }
        guard password.count <= self.longestPassword else {
            throw TextProblem("the password is longer than \(self.longestPassword) bytes")
        }
        guard password.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw TextProblem("the password has a control character, which no client can send")
        }
        guard cost.isBounded else { throw TextProblem("the parameters are out of range") }
        let salt = SystemRandomNumberGenerator.bytes(self.saltBytes)
        guard let hash = self.derive(password, salt, cost, count: self.hashBytes) else {
            throw TextProblem("there is not enough memory to hash a password (\(cost.memory >> 20) MiB)")
        }
        return PasswordHash(cost: cost, salt: salt, hash: hash)
    }

    package static func make(password: String) throws(TextProblem) -> PasswordHash {
        try self.make(password: password.utf8)
    }

    /// A hash of this cost that no password has, for users that do not exist among those whose hashes have it.
    package static func makeDecoy(cost: Cost) -> PasswordHash {
        PasswordHash(
            cost: cost, salt: SystemRandomNumberGenerator.bytes(self.saltBytes),
            hash: SystemRandomNumberGenerator.bytes(self.hashBytes))
    }

    /// Whether it is of this password. Takes 20 ms with the standard cost: never on an event loop.
    package func matches(_ password: [UInt8]) -> Bool {
        let isPossible = !password.isEmpty && password.count <= Self.longestPassword
        // An impossible one is worked on just as long.
        let tried = isPossible ? password : [0]
        guard let found = Self.derive(tried, self.salt, self.cost, count: self.hash.count) else { return false }
        // Each byte is looked at, whatever the ones before it: the time says nothing about how many were right.
        let difference = zip(found, self.hash).reduce(0) { $0 | $1.0 ^ $1.1 }
        return isPossible && found.count == self.hash.count && difference == 0
    }

    package var description: String {
        let parameters = "\(self.cost.log2Rounds)$\(self.cost.blockSize)$\(self.cost.parallelism)"
        return "scrypt$\(parameters)$\(Base64.encodeURL(self.salt))$\(Base64.encodeURL(self.hash))"
    }

    /// Nil when there is no memory for it.
    private static func derive(_ password: [UInt8], _ salt: [UInt8], _ cost: Cost, count: Int) -> [UInt8]? {
        let key = try? KDF.Scrypt.deriveKey(
            from: password, salt: salt, outputByteCount: count, rounds: 1 << cost.log2Rounds,
            blockSize: cost.blockSize, parallelism: cost.parallelism)
        return key?.withUnsafeBytes { Array($0) }
    }

    /// One or two digits, the first not zero: one number has one text.
    private static func number(_ digits: some Collection<UInt8>) -> Int? {
        guard (1...2).contains(digits.count), digits.first != UInt8(ascii: "0"),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}
