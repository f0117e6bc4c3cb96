import Testing
import UsherCore
import UsherIdentities

@Suite(.timeLimit(.minutes(1))) struct CredentialDigestTests {
    private static let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    @Test("it is SHA-256, of bytes in a buffer or elsewhere (FIPS 180-4, examples)")
    func vectors() {
        #expect(CredentialDigest(of: "abc".utf8).hexadecimal == Self.abc)
        #expect(CredentialDigest(of: Array("abc".utf8)).description == Self.abc)
        #expect(CredentialDigest(of: Array("cba".utf8).reversed()).hexadecimal == Self.abc)
        #expect(
            CredentialDigest(of: []).hexadecimal == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test("the text form has 64 digits of either case")
    func text() {
        #expect(CredentialDigest(hexadecimal: Self.abc) == CredentialDigest(of: "abc".utf8))
        #expect(CredentialDigest(hexadecimal: Self.abc.uppercased()) == CredentialDigest(of: "abc".utf8))
        for bad in [
            "", String(Self.abc.dropLast()), Self.abc + "0", "g" + Self.abc.dropFirst(), " " + Self.abc.dropFirst(),
            "é" + Self.abc.dropFirst(2),
        ] {
            #expect(CredentialDigest(hexadecimal: bad) == nil)
        }
    }

    @Test("words and text keep each digit at its place")
    func words() {
        let digest = CredentialDigest(words: (1, 0x0203, 4, 0xF000_0000_0000_0005))
        #expect(
            digest.hexadecimal
                == "0000000000000001" + "0000000000000203" + "0000000000000004" + "f000000000000005")
        #expect(CredentialDigest(hexadecimal: digest.hexadecimal)?.words.3 == 0xF000_0000_0000_0005)
    }
}
