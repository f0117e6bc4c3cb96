import Testing
import UsherCore
import UsherIdentities

@Suite(.timeLimit(.minutes(1))) struct APIKeyTests {
    @Test("new keys have their form and are all different")
    func form() {
        let keys = (0..<1000).map { _ in APIKey.make() }
        #expect(Set(keys).count == 1000)
        for key in keys {
            let rest = key.utf8.dropFirst(APIKey.prefix.utf8.count)
            let isURLSafe = rest.allSatisfy { byte in
                Character(Unicode.Scalar(byte)).isLetter || (48...57).contains(byte) || byte == 45 || byte == 95
            }
            #expect(key.hasPrefix("usher_") && rest.count == 43 && isURLSafe)
        }
    }

    @Test("a key stands for the digest of its whole text")
    func digest() {
        #expect(APIKey.digest(of: "usher_abc") == CredentialDigest(of: "usher_abc".utf8))
    }
}
