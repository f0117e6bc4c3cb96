import Testing

@testable import UsherConsole

@Suite struct RequestTargetTests {
    @Test(
        "a target is a path and decoded parameters",
        arguments: [
            ("/a", "/a", []), ("/a?", "/a", []), ("/a?b=c", "/a", [["b", "c"]]), ("/a?b", "/a", [["b", ""]]),
            ("/a?b=c=d&b=e", "/a", [["b", "c=d"], ["b", "e"]]),
            ("/a?url=http%3A%2F%2Fh%2Fp%3Fq%3D1%26r%3D2", "/a", [["url", "http://h/p?q=1&r=2"]]),
            ("/a?x=1+1&y=%C3%A9", "/a", [["x", "1+1"], ["y", "é"]]), ("/a?b?c", "/a", [["b?c", ""]]), ("", "", []),
            ("?x=1", "", [["x", "1"]]), ("/a?&&b=1&", "/a", [["b", "1"]]), ("/a?%62=%2525", "/a", [["b", "%25"]]),
        ] as [(String, String, [[String]])])
    func table(target: String, path: String, parameters: [[String]]) throws {
        let parsed = RequestTarget(target)
        #expect(parsed.path == path)
        #expect(try #require(parsed.parameters).map { [$0.name, $0.value] } == parameters)
    }

    @Test("a broken encoding is no parameter", arguments: ["%", "%4", "%zz", "a=%ff", "a=%-1", "a=%C3", "%=1"])
    func broken(query: String) {
        #expect(RequestTarget("/a?" + query).parameters == nil)
    }
}
