import Testing

@testable import UsherGateway

@Suite struct CookieReaderTests {
    private static func values(_ name: String, _ field: String) -> [String] {
        let bytes = Array(field.utf8)
        var reader = CookieReader()
        var values: [String] = []
        while let range = reader.next(named: Array(name.utf8), in: bytes.span) {
            values.append(String(decoding: bytes[range], as: UTF8.self))
        }
        return values
    }

    @Test(
        "values are found by their exact name",
        arguments: [
            ("a=1", ["1"]), ("b=2; a=1", ["1"]), ("b=2;a=1;c=3", ["1"]), ("a=1; a=2", ["1", "2"]), ("a=", [""]),
            (" a = 1 ; b", ["1"]), ("\ta\t=\t1\t", ["1"]), ("a=x=y", ["x=y"]), ("a=\"q\"", ["\"q\""]),
            ("a=1;;; ;a=2;", ["1", "2"]),
            ("A=1", []), ("aa=1", []), ("a", []), ("", []), (";", []), ("=a", []), ("b=a=1", []), ("b=; a=", [""]),
            ("xa=1; ax=2; a =3", ["3"]), ("a;a=1", ["1"]), ("a\u{0}=1", []),
        ])
    func finding(field: String, expected: [String]) {
        #expect(Self.values("a", field) == expected)
    }

    @Test("the end of a pair is found at every place", arguments: 0...40)
    func ends(count: Int) {
        let padding = String(repeating: "v", count: count)
        #expect(Self.values("name", "pad=\(padding);name=\(padding);other=1") == [padding])
        #expect(Self.values("name", "name=\(padding)") == [padding])
        // Bytes that differ from a semicolon in one bit only.
        #expect(Self.values("name", "name=\(padding):\u{7B}z+3") == ["\(padding):\u{7B}z+3"])
    }

    @Test(
        "of a Set-Cookie field only the first pair is a cookie",
        arguments: [
            ("a=1; Path=/", "1" as String?), ("a=1", "1"), ("a=", ""), ("b=2; a=1", nil), ("; a=1", nil), ("", nil),
            ("a", nil),
        ])
    func setting(field: String, expected: String?) {
        let bytes = Array(field.utf8)
        let range = CookieReader.set([UInt8(ascii: "a")], in: bytes.span)
        #expect(range.map { String(decoding: bytes[$0], as: UTF8.self) } == expected)
    }
}
