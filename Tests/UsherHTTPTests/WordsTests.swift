import NIOCore
import Testing

@testable import UsherHTTP

@Suite("names, sets and dates")
struct WordsTests {
    @Test("every known name is found in any case and with underscores", arguments: HeaderID.names.map { $0.id })
    func knownNames(id: HeaderID) throws {
        let entry = try #require(HeaderID.names.first { $0.id == id })
        let name = "\(entry.name)"
        let spellings = [name, name.uppercased(), underscored(name), name.prefix(1).uppercased() + name.dropFirst()]
        for spelling in spellings { #expect(lookUp(spelling) == id, "\(spelling)") }
        for stranger in [name + "x", "x" + name, String(name.dropLast()), String(name.dropFirst()), name + "-"] {
            #expect(lookUp(stranger) != id, "\(stranger)")
        }
    }

    private func underscored(_ name: String) -> String {
        String(name.map { $0 == "-" ? "_" : $0 })
    }

    @Test("one changed byte makes another name")
    func changedByte() {
        for (id, name) in HeaderID.names {
            let bytes = Array("\(name)".utf8)
            for index in bytes.indices {
                var changed = bytes
                changed[index] = bytes[index] == 0x71 ? 0x7A : 0x71
                #expect(HeaderNames.shared.id(changed.span, from: 0, count: changed.count) != id)
            }
        }
    }

    @Test("every id stands for a name or a family, and all fit in a set")
    func allIDs() {
        let named = Set(HeaderID.names.map { $0.id })
        #expect(Set(HeaderID.allCases).subtracting(named) == [.other, .usher, .rateLimit, .xForwardedOther])
        #expect(named.count == HeaderID.names.count)
        #expect(HeaderID.allCases.count <= 64)
        for (_, name) in HeaderID.names { #expect((2...32).contains(name.utf8CodeUnitCount)) }
    }

    @Test(
        "families are known by their beginning",
        arguments: [
            ("Usher-Identity", HeaderID.usher), ("USHER_FENCE", .usher), ("usher-", .usher), ("usher", .other),
            ("Usher.Identity", .usher), ("usher~identity", .usher), ("USHER|X", .usher), ("usherer-a", .other),
            ("x-usher-a", .other), ("X-Forwarded-Prefix", .xForwardedOther),
            ("x_forwarded_client_cert", .xForwardedOther),
            ("X-Forwarded", .other), ("X-Forwarded-", .xForwardedOther), ("a", .other), ("te", .te), ("tx", .other),
            ("Usher-\(String(repeating: "a", count: 100))", .usher), (String(repeating: "a", count: 33), .other),
        ])
    func families(name: String, id: HeaderID) {
        #expect(lookUp(name) == id)
    }

    private func lookUp(_ name: String) -> HeaderID {
        // Bytes on both sides, as in a head, must not matter.
        let bytes = Array("::\(name)::".utf8)
        return HeaderNames.shared.id(bytes.span, from: 2, count: bytes.count - 4)
    }

    @Test("a set holds what was put in")
    func sets() {
        for id in HeaderID.allCases {
            var set = HeaderSet()
            set.insert(id)
            for other in HeaderID.allCases { #expect(set.contains(other) == (other == id)) }
            #expect(!set.isDisjoint(with: [id]))
            set.remove(id)
            #expect(set == HeaderSet())
        }
        let both = HeaderSet.hopByHop.union([.host])
        #expect(both.contains(.host) && both.contains(.te) && !both.contains(.via))
    }

    @Test(
        "dates are written as HTTP wants them",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"), (.min, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ])
    func dates(seconds: Int, text: String) {
        var out = ByteBuffer()
        HTTPDate.write(unixSeconds: seconds, to: &out)
        #expect(String(buffer: out) == text)
    }

    @Test("methods are told apart, with case", arguments: UsherHTTP.Method.allCases)
    func methods(method: UsherHTTP.Method) {
        guard method != .other, method != .connect else { return }
        let name = "\(method)".uppercased()
        let head = RequestHead()
        #expect(readRequest([wire("\(name) / HTTP/1.1\nHost: a\n\n")[...]], with: head).verdict == .complete)
        #expect(head.method == method)
        for stranger in [name + "S", String(name.dropLast()), "X" + name] {
            #expect(readRequest([wire("\(stranger) / HTTP/1.1\nHost: a\n\n")[...]], with: head).verdict == .complete)
            #expect(head.method == .other)
        }
    }

    @Test("lookups find values by id, by name and by bytes")
    func lookups() {
        let head = RequestHead()
        let text = "GET / HTTP/1.1\nHost: a\nX-Key: Grün\nCookie: c=1\nx_key: 2\n\n"
        #expect(readRequest([wire(text)[...]], with: head).verdict == .complete)
        #expect(head.slice(of: .cookie).map(head.string) == "c=1")
        #expect(head.slice(of: .server) == nil)
        #expect(head.first(named: "X-KEY").map(head.string) == "Grün")
        #expect(head.first(named: "x-ke") == nil)
        let cookie = head.slice(of: .cookie) ?? .empty
        #expect(head.equals(cookie, "c=1") && !head.equals(cookie, "C=1") && !head.equals(cookie, "c="))
        #expect(head.equalsIgnoringCase(head.methodSlice, "get"))
        let outside = ByteSlice(start: 1_000_000, count: .max)
        #expect(head.string(outside) == "")
        #expect(head.withBytes(outside) { $0.count } == 0)
    }
}
