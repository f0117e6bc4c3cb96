import Testing
import UsherCore

@testable import UsherIdentities

@Suite(.timeLimit(.minutes(1))) struct PasswordHashTests {
    private static let quick = PasswordHash.Cost(log2Rounds: 10, blockSize: 1, parallelism: 1)
    private static let salt = "AAAAAAAAAAAAAAAAAAAAAA"
    private static let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    @Test("it is scrypt (RFC 7914 §12, the third vector)")
    func vector() throws {
        let text =
            "scrypt$14$8$1$U29kaXVtQ2hsb3JpZGU$"
            + "cCO9yzr9c0hGHAbNgf046_2o-7qQT44-qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw"
        // The vector's 64 bytes in hexadecimal begin with 7023bdcb3afd7348.
        let parsed = try PasswordHash(text: text)
        #expect(parsed.description == text)
        #expect(parsed.cost == .standard && parsed.cost.memory == 16 << 20)
        #expect(parsed.matches(Array("pleaseletmein".utf8)))
        #expect(!parsed.matches(Array("pleaseletmeim".utf8)))
    }

    @Test("a password matches its own hash alone, and two hashes of it differ")
    func make() throws {
        let first = try PasswordHash.make(password: "pässword: 1".utf8, cost: Self.quick)
        let second = try PasswordHash.make(password: "pässword: 1".utf8, cost: Self.quick)
        #expect(first != second && first.description != second.description)
        let again = try PasswordHash(text: first.description)
        #expect(again == first && again.matches(Array("pässword: 1".utf8)))
        let long = [UInt8](repeating: 97, count: 1025)
        for other in [Array("pässword: 2".utf8), Array("pässword: 1 ".utf8), [], [0], long] {
            #expect(!first.matches(other))
        }
        #expect(try PasswordHash.make(password: "x").description.hasPrefix("scrypt$14$8$1$"))
    }

    @Test(
        "a password that no client could send is not hashed",
        arguments: ["", "a\n", "a\u{7F}", String(repeating: "a", count: 1025)])
    func unusable(password: String) {
        #expect(throws: TextProblem.self) { try PasswordHash.make(password: password) }
    }

    @Test("nobody has the decoy's password, not even the empty one")
    func decoy() {
        let decoy = PasswordHash.makeDecoy(cost: Self.quick)
        #expect(!decoy.matches([]) && !decoy.matches([0]) && !decoy.matches(Array("decoy".utf8)))
        #expect(PasswordHash.decoy.cost == .standard)
        #expect(decoy != PasswordHash.makeDecoy(cost: Self.quick))
    }

    @Test(
        "parameters have bounds, so that no file takes the memory or the time of all",
        arguments: [
            ("10$1$1", true), ("18$8$4", true), ("17$16$1", true), ("14$8$1", true),
            ("9$8$1", false), ("19$8$1", false), ("18$16$1", false), ("18$9$1", false), ("14$0$1", false),
            ("14$17$1", false), ("14$8$0", false), ("14$8$5", false), ("99$99$99", false),
            ("014$8$1", false), ("+14$8$1", false), ("-14$8$1", false), ("14 $8$1", false), ("$8$1", false),
            ("9223372036854775807$8$1", false), ("１４$8$1", false),
        ])
    func bounds(parameters: String, isGood: Bool) {
        let hash = try? PasswordHash(text: "scrypt$\(parameters)$\(Self.salt)$\(Self.hash)")
        #expect((hash != nil) == isGood)
    }

    @Test(
        "other texts are no hashes",
        arguments: [
            "", "scrypt", "$$$$$", "bcrypt$14$8$1$\(salt)$\(hash)", "Scrypt$14$8$1$\(salt)$\(hash)",
            "scrypt$14$8$1$\(salt)", "scrypt$14$8$1$\(salt)$\(hash)$", "scrypt$14$8$1$\(salt)==$\(hash)",
            "scrypt$14$8$1$$\(hash)", "scrypt$14$8$1$AAAA$\(hash)", "scrypt$14$8$1$\(salt)$AAAA",
            "scrypt$14$8$1$\(salt)$\(hash)\n", " scrypt$14$8$1$\(salt)$\(hash)",
        ])
    func malformed(text: String) {
        #expect(throws: TextProblem.self) { try PasswordHash(text: text) }
    }

    @Test("the largest block sizes are within what the library allows itself")
    func largestBlock() throws {
        let cost = PasswordHash.Cost(log2Rounds: 10, blockSize: 16, parallelism: 4)
        let hash = try PasswordHash.make(password: "a".utf8, cost: cost)
        #expect(hash.matches([97]))
        let single = PasswordHash.Cost(log2Rounds: 10, blockSize: 16, parallelism: 1)
        #expect(try PasswordHash.make(password: "a".utf8, cost: single).matches([97]))
    }
}
