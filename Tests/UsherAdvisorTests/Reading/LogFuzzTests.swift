import Testing
import UsherAdvisor
import UsherCore

@Suite("Logs that are no logs", .timeLimit(.minutes(2)))
struct LogFuzzTests {
    @Test(
        "changed, cut and doubled bytes of good lines never end the program, and every line is counted",
        arguments: 0..<4)
    func mutations(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var planted = PlantedLog(seed: UInt64(seed))
        planted.form = PlantedLog.Form.allCases[seed % 3]
        planted.truth = .cookieAndPath
        var bytes = planted.lines(600)
        let marks: [UInt8] = [
            0, 0x0A, 0x0D, 0x20, 0x22, 0x25, 0x26, 0x2E, 0x3A, 0x3D, 0x5B, 0x5C, 0x5D, 0x7B, 0x7D, 0x80, 0xFF,
        ]
        for _ in 0..<3000 {
            let place = random.below(bytes.count)
            switch random.below(4) {
            case 0: bytes[place] = marks[random.below(marks.count)]
            case 1: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 2: bytes.remove(at: place)
            default: bytes.insert(UInt8(ascii: "9"), at: place)
            }
        }
        var advisor = Advisor(.init())
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = 1 + random.below(2000)
            advisor.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        let advice = advisor.finish()
        let lines = bytes.split { $0 == 0x0A }.count { $0 != [0x0D] }
        #expect(advice.lines == lines && advice.skipped <= lines, "seed \(seed)")
    }

    @Test("binary noise has no line that could be understood")
    func noise() {
        var random = SeededRandom(seed: 9)
        var advisor = Advisor(.init())
        advisor.append((0..<200_000).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        let advice = advisor.finish()
        #expect(advice.lines > 100 && advice.skipped == advice.lines && advice.candidates.isEmpty)
    }

    @Test("numbers of any size are taken or left, and never end the program")
    func numbers() {
        var advisor = Advisor(.init())
        for number in [
            "0", "-1", "999999999999999999", "9999999999999999999", "1e400", "0.0000000000000000000001", "-",
        ] {
            advisor.append(
                Array(
                    (#"{"method":"GET","path":"/","status":200,"size":\#(number),"#
                        + #""request_time":\#(number),"ts":\#(number)}"#).utf8))
            advisor.append(Array("\n1.2.3.4 - - [x] \"GET / HTTP/1.1\" 200 \(number) \"-\" \"-\" \(number)\n".utf8))
        }
        let advice = advisor.finish()
        #expect(advice.lines == 14 && advice.skipped == 0)
    }
}
