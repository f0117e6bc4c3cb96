import Testing
import UsherIdentities

@Suite(.timeLimit(.minutes(1))) struct BasicCredentialsTests {
    private func read(_ text: String) -> [String]? {
        BasicCredentials(encoded: Array(text.utf8)).map {
            [String(decoding: $0.name, as: UTF8.self), String(decoding: $0.password, as: UTF8.self)]
        }
    }

    @Test(
        "name and password are parted at the first colon (RFC 7617 §2 and §2.1)",
        arguments: [
            ("QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ["Aladdin", "open sesame"]), ("dGVzdDoxMjPCow==", ["test", "123£"]),
            ("QWxhZGRpbjpvcGVuIHNlc2FtZQ", ["Aladdin", "open sesame"]), ("YTpiOmM=", ["a", "b:c"]),
            ("Og==", ["", ""]), ("YTo=", ["a", ""]), ("OmI=", ["", "b"]),
        ])
    func good(text: String, parts: [String]) {
        #expect(read(text) == parts)
    }

    @Test(
        "anything else is refused",
        arguments: [
            // No colon, a line feed in the password, DEL in the name, a NUL.
            "", "YWJj", "YTpiCg==", "YX86Yg==", "YToA",
            // Not base64, or not wholly.
            "QWxhZGRpbjpvcGVuIHNlc2FtZQ=", " Og==", "Og==\n", "a:b", "YTpi-_", "Og=", "OgA", "Oh==",
        ])
    func bad(text: String) {
        #expect(read(text) == nil)
    }

    @Test("at most 1 KiB is read")
    func length() {
        #expect(read("YTpi" + String(repeating: "YmJi", count: 255)) != nil)
        #expect(read("YTpi" + String(repeating: "YmJi", count: 256)) == nil)
    }

    @Test("bytes that are no UTF-8 are a password as well")
    func bytes() {
        #expect(BasicCredentials(encoded: Array("YTr/".utf8))?.password == [0xFF])
    }
}
