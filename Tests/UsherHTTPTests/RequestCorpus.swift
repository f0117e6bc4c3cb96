import Testing
import UsherHTTP

/// A request head and what must come of it.
struct RequestCase: Sendable, CustomTestStringConvertible {
    enum Expectation: Sendable {
        /// Accepted, with this canonical target, authority and framing.
        case accepted(String, at: String = "a", BodyFraming = .none)
        case refused(Int)
        case incomplete
    }

    var name: String
    /// In the notation of `wire`.
    var text: String
    var expectation: Expectation

    init(_ name: String, _ text: String, _ expectation: Expectation) {
        self.name = name
        self.text = text
        self.expectation = expectation
    }

    var testDescription: String { name }
}

enum RequestCorpus {
    static let all = valid + lines + fields + framing + hosts

    static let valid: [RequestCase] = [
        .init("smallest", "GET / HTTP/1.1\nHost: a\n\n", .accepted("/")),
        .init("pipelined", "GET /1 HTTP/1.1\nHost: a\n\nGET /2 HTTP/1.1\nHost: a\n\n", .accepted("/1")),
        .init("with body", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello", .accepted("/", .length(5))),
        .init("length 0", "POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n", .accepted("/", .length(0))),
        .init(
            "largest length", "PUT / HTTP/1.1\nHost: a\nContent-Length: 9223372036854775807\n\n",
            .accepted("/", .length(.max))),
        .init("length in odd case", "PUT / HTTP/1.1\nHost: a\ncONTENT-lENGTH:\t7 \n\n", .accepted("/", .length(7))),
        .init("chunked", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\n\n", .accepted("/", .chunked)),
        .init(
            "chunked in odd case", "POST / HTTP/1.1\nHost: a\nTRANSFER-ENCODING:CHUNKED\n\n",
            .accepted("/", .chunked)),
        .init("HTTP/1.0", "GET / HTTP/1.0\nHost: a\n\n", .accepted("/")),
        .init("HTTP/1.0 without Host", "GET / HTTP/1.0\n\n", .accepted("/", at: "")),
        .init("HTTP/1.0 keep-alive", "GET / HTTP/1.0\nHost: a\nConnection: Keep-Alive\n\n", .accepted("/")),
        .init("HTTP/1.0 with length", "POST / HTTP/1.0\nHost: a\nContent-Length: 1\n\nx", .accepted("/", .length(1))),
        .init("one leading empty line", "\nGET / HTTP/1.1\nHost: a\n\n", .accepted("/")),
        .init("four leading empty lines", "\n\n\n\nGET / HTTP/1.1\nHost: a\n\n", .accepted("/")),
        .init("unknown method", "PROPFIND / HTTP/1.1\nHost: a\n\n", .accepted("/")),
        .init("method with dash", "M-SEARCH / HTTP/1.1\nHost: a\n\n", .accepted("/")),
        .init("longest method", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\nHost: a\n\n", .accepted("/")),
        .init("HEAD", "HEAD / HTTP/1.1\nHost: a\n\n", .accepted("/")),
        .init("DELETE with body", "DELETE /x HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}", .accepted("/x", .length(2))),
        .init("GET with body", "GET /x HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}", .accepted("/x", .length(2))),
        .init("TRACE", "TRACE /x HTTP/1.1\nHost: a\n\n", .accepted("/x")),
        .init("OPTIONS *", "OPTIONS * HTTP/1.1\nHost: a\n\n", .accepted("*")),
        .init("OPTIONS of a server as URI", "OPTIONS http://b HTTP/1.1\nHost: a\n\n", .accepted("*", at: "b")),
        .init("OPTIONS of a path", "OPTIONS /x HTTP/1.1\nHost: a\n\n", .accepted("/x")),
        .init("CONNECT", "CONNECT b:443 HTTP/1.1\nHost: b\n\n", .accepted("", at: "b:443")),
        .init("absolute form", "GET http://b/x?y HTTP/1.1\nHost: a\n\n", .accepted("/x?y", at: "b")),
        .init("absolute form with port", "GET HTTP://b:81/ HTTP/1.1\nHost: a\n\n", .accepted("/", at: "b:81")),
        .init("absolute form over TLS", "GET https://b/x HTTP/1.1\nHost: a\n\n", .accepted("/x", at: "b")),
        .init("absolute form without path", "GET http://b HTTP/1.1\nHost: a\n\n", .accepted("/", at: "b")),
        .init("absolute form with query only", "GET http://b?q HTTP/1.1\nHost: a\n\n", .accepted("/?q", at: "b")),
        .init("absolute form in HTTP/1.0", "GET http://b/ HTTP/1.0\n\n", .accepted("/", at: "b")),
        .init("empty query", "GET /x? HTTP/1.1\nHost: a\n\n", .accepted("/x?")),
        .init("question mark in query", "GET /x?a?b HTTP/1.1\nHost: a\n\n", .accepted("/x?a?b")),
        .init("slashes in query", "GET /x?u=http://b/../c HTTP/1.1\nHost: a\n\n", .accepted("/x?u=http://b/../c")),
        .init("browser's brackets", "GET /x?a[]=1 HTTP/1.1\nHost: a\n\n", .accepted("/x?a[]=1")),
        .init("colon in path", "GET /a:b HTTP/1.1\nHost: a\n\n", .accepted("/a:b")),
        .init("empty value", "GET / HTTP/1.1\nHost: a\nX:\n\n", .accepted("/")),
        .init("value of white space", "GET / HTTP/1.1\nHost: a\nX: \t \t \n\n", .accepted("/")),
        .init("tab in value", "GET / HTTP/1.1\nHost: a\nX: a\tb\n\n", .accepted("/")),
        .init("UTF-8 in value", "GET / HTTP/1.1\nHost: a\nX: grün\n\n", .accepted("/")),
        .init("every token byte in a name", "GET / HTTP/1.1\nHost: a\n!#$%&'*+-.^_`|~09azAZ: x\n\n", .accepted("/")),
        .init("colon in value", "GET / HTTP/1.1\nHost: a\nX: :a:b:\n\n", .accepted("/")),
        .init("Host last", "GET / HTTP/1.1\nX: y\nHost: a\n\n", .accepted("/")),
        .init(
            "Expect", "PUT / HTTP/1.1\nHost: a\nContent-Length: 1\nExpect: 100-Continue\n\n",
            .accepted("/", .length(1))),
        .init(
            "Expect in HTTP/1.0", "PUT / HTTP/1.0\nHost: a\nContent-Length: 1\nExpect: 100-continue\n\n",
            .accepted("/", .length(1))),
        .init("WebSocket", "GET /ws HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n\n", .accepted("/ws")),
        .init("Connection list", "GET / HTTP/1.1\nHost: a\nConnection: ,close, , X-A ,\nX-A: 1\n\n", .accepted("/")),
        .init("incomplete", "GET / HTTP/1.1\nHost: a\n", .incomplete),
        .init("nothing", "", .incomplete),
        .init("only empty lines", "\n\n", .incomplete),
    ]

    static let lines: [RequestCase] = [
        .init("HTTP/0.9", "GET /\n\n", .refused(400)),
        .init("HTTP/0.9 with version", "GET / HTTP/0.9\n\n", .refused(505)),
        .init("HTTP/2 preface", "PRI * HTTP/2.0\n\nSM\n\n", .refused(505)),
        .init("HTTP/1.2", "GET / HTTP/1.2\nHost: a\n\n", .refused(505)),
        .init("HTTP/3.0", "GET / HTTP/3.0\nHost: a\n\n", .refused(505)),
        .init("two-digit version", "GET / HTTP/1.10\nHost: a\n\n", .refused(400)),
        .init("two-digit major version", "GET / HTTP/11.1\nHost: a\n\n", .refused(400)),
        .init("lower-case version", "GET / http/1.1\nHost: a\n\n", .refused(400)),
        .init("other protocol", "GET / ICAP/1.0\nHost: a\n\n", .refused(400)),
        .init("version without dot", "GET / HTTP/11\nHost: a\n\n", .refused(400)),
        .init("comma in version", "GET / HTTP/1,1\nHost: a\n\n", .refused(400)),
        .init("version with sign", "GET / HTTP/+1.1\nHost: a\n\n", .refused(400)),
        .init("version without minor", "GET / HTTP/1.\nHost: a\n\n", .refused(400)),
        .init("space behind version", "GET / HTTP/1.1 \nHost: a\n\n", .refused(400)),
        .init("tab behind version", "GET / HTTP/1.1\t\nHost: a\n\n", .refused(400)),
        .init("two spaces before target", "GET  / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("two spaces before version", "GET /  HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("tab before target", "GET\t/ HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("tab before version", "GET /\tHTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("leading space", " GET / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("space in target", "GET /a b HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("no target", "GET HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("no method", "/ HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("lower-case method", "get / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("mixed-case method", "Get / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("method with slash", "GE/T / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("method with NUL", "GE\0T / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("method with quote", "\"GET\" / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("method beyond ASCII", "GÉT / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("too long a method", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\nHost: a\n\n", .refused(501)),
        .init("TLS", "\u{16}\u{03}\u{01}\0", .refused(400)),
        .init("five leading empty lines", "\n\n\n\n\nGET / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("leading LF", "¬GET / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("leading CR", "®GET / HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("line ended by LF", "GET / HTTP/1.1¬Host: a\n\n", .refused(400)),
        .init("line ended by CR", "GET / HTTP/1.1®Host: a\n\n", .refused(400)),
        .init("line ended by two CR", "GET / HTTP/1.1®\nHost: a\n\n", .refused(400)),
        .init("LF in target", "GET /¬ HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("CR in target", "GET /® HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("NUL in target", "GET /\0 HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("DEL in target", "GET /\u{7F} HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("bytes beyond ASCII in target", "GET /ü HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("fragment", "GET /a#b HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("fragment in query", "GET /a?b#c HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("relative target", "GET a HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("relative target with dots", "GET ../a HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("query as target", "GET ?a HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("backslash target", "GET \\a HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("GET *", "GET * HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("GET with authority", "GET b:443 HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("CONNECT with path", "CONNECT /a HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("CONNECT without port", "CONNECT b HTTP/1.1\nHost: b\n\n", .refused(400)),
        .init("CONNECT with URI", "CONNECT http://b:443/ HTTP/1.1\nHost: b\n\n", .refused(400)),
        .init("other scheme", "GET ftp://b/ HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("scheme without slashes", "GET http:b/ HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("scheme with one slash", "GET http:/b/ HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("URI without host", "GET http:///a HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("URI with user", "GET http://u@b/ HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("URI with user and password", "GET http://u:p@b/ HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("URI with backslash", "GET http://b\\c/ HTTP/1.1\nHost: a\n\n", .refused(400)),
        .init("URI without Host", "GET http://b/ HTTP/1.1\n\n", .refused(400)),
        .init("URI with bad Host", "GET http://b/ HTTP/1.1\nHost: a,b\n\n", .refused(400)),
    ]
}
