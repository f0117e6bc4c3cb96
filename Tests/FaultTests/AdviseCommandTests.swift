import Foundation
import Testing

extension FaultTests {
    /// `usher advise` as a person runs it.
    @Suite(.timeLimit(.minutes(3))) struct AdviseCommandTests {
        /// Answers depend on the tenant and the path; of every ten lines one is broken.
        private static func log(_ lines: Int = 3000) -> String {
            (0..<lines).map { index in
                if index.isMultiple(of: 10) { return "broken \(index)\n" }
                let (path, tenant) = (index * 7919 % 31, index * 104_729 % 13)
                return
                    "198.51.100.\(index % 200) - - [10/Oct/2026:13:55:36 +0000] \"GET /secret/\(path)?tenant=t\(tenant)"
                    + "&n=\(index % 97) HTTP/1.1\" 200 \(1000 + path * 100 + tenant) \"-\" \"curl/8\"\n"
            }
            .joined()
        }

        private static let key = #"["{path}", "{query.tenant}"]"#

        private struct Report: Decodable {
            struct Candidate: Decodable {
                var key: String
                var verdict: String
            }
            var lines: Int
            var skipped: Int
            var candidates: [Candidate]
        }

        private static func shell(_ script: String, in folder: UsherCommands) throws -> (code: Int32?, output: String) {
            let script = script.replacing("usher ", with: "'\(UsherProcess.binary)' ")
            return try ChildProcess.output(of: ["sh", "-c", script], in: folder.path)
        }

        @Test("the key that was planted is the last line, and the output shows no value of the log")
        func text() throws {
            let folder = try UsherCommands(files: ["access.log": Self.log()])
            let result = try folder.run("advise", "access.log")
            #expect(result.code == 0 && result.errors.isEmpty, "\(result)")
            #expect(result.output.hasSuffix("\n      key: \(Self.key)\n"))
            #expect(result.output.contains("3,000 lines (300 not understood and left out)"))
            #expect(!result.output.contains("secret") && !result.output.contains("198.51"))
            #expect(!result.output.split(separator: "\n").contains { $0.count > 100 })
            let shown = try folder.run("advise", "access.log", "--show-values")
            #expect(shown.output.contains("/secret/"))
        }

        @Test("JSON has lines, skipped and the candidates, the best first")
        func json() throws {
            let folder = try UsherCommands(files: ["access.log": Self.log()])
            let result = try folder.run("advise", "access.log", "--json")
            let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
            #expect(result.code == 0 && report.lines == 3000 && report.skipped == 300)
            #expect(report.candidates.first?.key == Self.key && report.candidates.first?.verdict == "good")
            #expect(report.candidates.first { $0.key == "{path}" }?.verdict == "too general")
            #expect(Set(report.candidates.map(\.verdict)) == ["good", "too general", "too specific"])
        }

        @Test("standard input, several files and gzip's files, whatever they are called, give the same")
        func sources() throws {
            let log = Self.log()
            let half = log.index(log.startIndex, offsetBy: log.count / 2)
            let folder = try UsherCommands(files: [
                "access.log": log, "one": String(log[..<half]), "two": String(log[half...]),
            ])
            let wanted = try folder.run("advise", "access.log", "--json").output
            #expect(try folder.run("advise", "-", "--json", input: log).output == wanted)
            #expect(try Self.shell("cat access.log | usher advise - --json", in: folder).output == wanted)
            #expect(
                try Self.shell("gzip -c access.log >packed && usher advise packed --json", in: folder).output == wanted)
            #expect(try Self.shell("usher advise - --json <packed", in: folder).output == wanted)
            #expect(try Self.shell("cat packed | usher advise - --json", in: folder).output == wanted)
            // Of two files the last line of the first is a line of its own.
            let two = try JSONDecoder().decode(
                Report.self, from: Data(folder.run("advise", "one", "two", "--json").output.utf8))
            #expect(two.lines == 3001 && two.candidates.first?.key == Self.key)
        }

        @Test("a gzip file that is cut off is read as far as it goes, and without gzip a line says what is missing")
        func brokenPacking() throws {
            let folder = try UsherCommands(files: ["access.log": Self.log()])
            let cut = try Self.shell(
                "gzip -c access.log >packed; head -c 20000 packed >cut; usher advise cut --json",
                in: folder)
            #expect(
                cut.output.contains("cut: is broken or cut off as a gzip file") && cut.output.contains("\"verdict\""))
            let missing = try Self.shell("PATH=/nowhere usher advise packed", in: folder)
            #expect(missing.code == 1 && missing.output.contains("`gzip` cannot be started"))
        }

        @Test("without a line that can be read it fails, and says how many there were")
        func nothing() throws {
            let folder = try UsherCommands(files: ["noise": "\u{0}\u{1}\nx\n", "empty": ""])
            let noise = try folder.run("advise", "noise", "--json")
            #expect(noise.code == 1 && noise.errors == "none of 2 lines tells of a request\n")
            let report = try JSONDecoder().decode(Report.self, from: Data(noise.output.utf8))
            #expect(report.lines == 2 && report.skipped == 2 && report.candidates.isEmpty)
            let empty = try folder.run("advise", "empty")
            #expect(empty.code == 1 && empty.errors == "there is no line to read\n" && empty.output.isEmpty)
            let missing = try folder.run("advise", "no.log")
            #expect(missing.code == 1 && missing.errors.contains("no.log: cannot be read"))
            #expect(try folder.run("advise", ".").code == 1)
        }

        @Test(
            "wrong usage is told with code 2",
            arguments: [
                [], ["access.log", "--shards", "0"], ["access.log", "--shards", "513"],
                ["access.log", "--memory", "lots"],
                ["access.log", "--nonsense"],
            ])
        func usage(arguments: [String]) throws {
            let folder = try UsherCommands(files: ["access.log": Self.log(10)])
            let result = try folder.start(["advise"] + arguments).result()
            #expect(result.code == 2 && result.output.isEmpty && !result.errors.isEmpty)
        }

        @Test("the picture is written, and never over a file")
        func picture() throws {
            let folder = try UsherCommands(files: ["access.log": Self.log(), "there.svg": "mine"])
            #expect(try folder.run("advise", "access.log", "--svg", "load.svg", "--shards", "4").code == 0)
            #expect(folder.text("load.svg")?.contains("</svg>") ?? false)
            let refused = try folder.run("advise", "access.log", "--svg", "there.svg")
            #expect(
                refused.code == 1 && folder.text("there.svg") == "mine" && refused.errors.contains("exists already"))
        }

        /// A whole file around the keys of a sharded service.
        private static func yaml(_ sharded: some Sequence<Substring>) -> String {
            """
            routes: [{ service: site }]
            services:
              site:
                sharded:
                  shards: { s0: [127.0.0.1:9101], s1: [127.0.0.1:9102] }
                  \(sharded.joined(separator: "\n      "))

            """
        }

        @Test("a table of countries gives keys by country")
        func countries() throws {
            let folder = try UsherCommands(files: [
                "access.log": Self.log(), "good.csv": "198.51.100.0/25,AA\n198.51.100.128/25,BB\n",
            ])
            let good = try folder.run("advise", "access.log", "--countries", "good.csv", "--json")
            #expect(good.code == 0 && good.output.contains(#"normalise: [country]"#))
        }

        @Test(
            "the tables of countries that it reads are those that check reads, and it says the same of all others",
            arguments: [
                ("198.51.100.0/24,AA", true), ("\u{FEFF}network,code\r\n\"198.51.100.0/24\",\"AA\" # ours\r\n", true),
                ("# nothing\n", true), ("x,y\nz,A\n", false), ("198.51.100.0/24,AA,Land", false),
                ("198.51.100.0/24,AA\n198.51.100.0/24,BB", false), ("198.51.100.0/24,A A\nx\n", false), (nil, false),
            ] as [(String?, Bool)])
        func tables(text: String?, isGood: Bool) throws {
            let key = "countries: table.csv\nkey: [{ take: \"{source-address}\", normalise: [country] }]"
            let folder = try UsherCommands(Self.yaml(key.split(separator: "\n")), files: ["access.log": Self.log(100)])
            if let text { try folder.write("table.csv", text) }
            let file = "\(folder.path)/table.csv"
            let advice = try folder.run("advise", "access.log", "--countries", file)
            let check = try folder.run("check")
            #expect(check.code == (isGood ? 0 : 1) && advice.code == check.code, "\(advice) \(check)")
            #expect(isGood == advice.errors.isEmpty && (isGood || advice.errors.hasPrefix("\(file): ")))
            #expect(isGood || check.errors.hasSuffix("countries: \(advice.errors)1 problem\n"), "\(advice) \(check)")
        }

        /// JSON lines whose answers depend on the path and on one field more.
        private static func log(of field: (Int) -> String) -> String {
            (0..<3000).map { index in
                let (path, value) = (index * 7919 % 31, index * 104_729 % 13)
                return #"{"method":"GET","path":"/\#(path)","status":200,"size":\#(1000 + path * 100 + value),"#
                    + #""client":"198.51.100.\#(index % 2 * 128 + 9)",\#(field(value))}"# + "\n"
            }
            .joined()
        }

        @Test("what it prints for usher.yaml passes check there")
        func pasted() throws {
            let hot = #"198.51.100.1 - - [x] "GET /hot HTTP/1.1" 200 5 "-" "-""# + "\n"
            let country = (0..<3000).map { index in
                let (path, country) = (index * 7919 % 31, index / 7 % 2)
                return "198.51.100.\(country * 128 + index % 99) - - [x] \"GET /\(path) HTTP/1.1\" 200 "
                    + "\(1000 + path * 100 + country) \"-\" \"-\"\n"
            }
            let folder = try UsherCommands(files: [
                "countries.csv": "198.51.100.0/25,AA\n198.51.100.128/25,BB\n", "country.log": country.joined(),
                "tenant.log": Self.log(), "hot.log": Self.log() + String(repeating: hot, count: 12_000),
                "host.log": Self.log { #""host":"h\#($0).test:8080""# },
                "user.log": Self.log { #""user":"u\#($0)""# }, "header.log": Self.log { #""http_x_a'b":"\#($0)""# },
                "cookie.log": Self.log { #""cookie":"$sid#'&=\#($0)""# },
                "query.log": Self.log { #""query":"a\"b\\c:[$],#'%26=\#($0)""# },
                "named.log": Self.log { #""country":"C\#($0)""# },
            ])
            let cases: [(arguments: [String], wanted: String)] = [
                (["country.log", "--countries", "countries.csv"], "[country] }"),
                (["tenant.log"], "{query.tenant}"), (["hot.log", "--shards", "512"], "copies: 256,"),
                (["hot.log", "--shards", "2"], "copies: 2,"), (["host.log"], "{host}"), (["user.log"], "{identity}"),
                (["header.log"], "{header.x-a'b}"), (["cookie.log"], "{cookie.$sid#'&}"),
                (["query.log"], #"{query.a\"b\\c:[$],#'%26}"#), (["named.log"], "[country] }"),
            ]
            for (arguments, wanted) in cases {
                let advice = try folder.start(["advise"] + arguments).result()
                let lines = advice.output.components(separatedBy: "    sharded:\n").last?.split(separator: "\n") ?? []
                #expect(lines.contains { $0.contains(wanted) }, "\(arguments) \(advice)")
                try folder.write("usher.yaml", Self.yaml(lines.map { $0.dropFirst(6) }))
                let check = try folder.run("check")
                #expect(check.code == 0 && check.errors.isEmpty, "\(lines) \(check)")
            }
        }

        @Test("what a client sent cannot move the terminal's cursor")
        func escapes() throws {
            let line = #"198.51.100.1 - - [x] "GET /\x1b[2Jあ HTTP/1.1" 200 5 "-" "-""#
            let folder = try UsherCommands(files: ["access.log": String(repeating: line + "\n", count: 50)])
            let result = try folder.run("advise", "access.log", "--show-values")
            #expect(result.code == 0 && result.output.contains("あ") && !result.output.contains("\u{1b}"))
        }

        @Test("memory does not grow with the log, though no two requests are alike")
        func memory() throws {
            let folder = try UsherCommands()
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            let process = try ChildProcess(
                [UsherProcess.binary, "advise", "-"], folder: folder.path, input: ends[0])
            close(ends[0])
            func feed(_ numbers: Range<Int>) {
                for number in numbers {
                    let line =
                        "\(number % 223 + 1).\(number / 223 % 256).\(number / 57_088).9 - - [x] \"GET "
                        + "/p/\(number)?q=\(number) HTTP/1.1\" 200 \(number % 9999) \"-\" \"agent \(number)\"\n"
                    _ = line.utf8.withContiguousStorageIfAvailable { write(ends[1], $0.baseAddress, $0.count) }
                }
            }
            func residentKiB() -> Int {
                let text = (try? String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)) ?? ""
                let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
                return line.split { !$0.isNumber }.first.flatMap { Int($0) } ?? 0
            }
            // A pipe holds 64 KiB, so nearly all of what was written has been read.
            feed(0..<60_000)
            let before = residentKiB()
            feed(60_000..<160_000)
            let after = residentKiB()
            #expect(before > 1000 && after - before < 8192, "\(before) KiB, then \(after) KiB")
            close(ends[1])
            #expect(process.exit(within: .seconds(60)) == 0)
        }
    }
}
