import Testing
import UsherCore

@testable import UsherTransport

/// Whatever bytes come, reading them ends, and what is believed answers the question.
@Suite("Messages that nobody should send", .timeLimit(.minutes(2)))
struct DNSFuzzTests {
    private static let rounds = 20_000

    /// Reads and judges; true when the message was believed.
    private func read(_ bytes: [UInt8], _ question: DNSQuestion) -> Bool {
        guard let message = try? DNSMessage(bytes, answering: question, identifier: 0x1234) else { return false }
        guard case .answer(let answer) = message.verdict(on: question) else { return true }
        #expect(!answer.records.isEmpty)
        #expect(answer.records.allSatisfy { $0.type == question.type && $0.ttl <= UInt32(Int32.max) })
        #expect(answer.ttl >= .zero && answer.ttl <= .seconds(Int64(Int32.max)))
        for record in answer.records + answer.additional { #expect(!record.owner.description.isEmpty) }
        return true
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        switch random.below(6) {
        case 0 where !bytes.isEmpty:
            bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
        case 1 where !bytes.isEmpty:
            bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
        case 2:
            bytes.removeLast(random.below(bytes.count + 1))
        case 3:
            bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: random.below(bytes.count + 1))
        case 4 where bytes.count > 2:
            // Pointers to anywhere.
            let place = random.below(bytes.count - 1)
            bytes[place] = 0xC0 | UInt8(random.below(2))
            bytes[place + 1] = UInt8(truncatingIfNeeded: random.next())
        default:
            let start = random.below(bytes.count + 1)
            let piece = bytes[start..<(start + random.below(bytes.count - start + 1))]
            bytes.insert(contentsOf: piece, at: random.below(bytes.count + 1))
        }
    }

    @Test("mutations of real answers are read or refused")
    func mutations() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        print("seed of the mutated answers: \(seed)")
        var believed = 0
        for _ in 0..<Self.rounds {
            let real = RealAnswer.all[random.below(RealAnswer.all.count)]
            let question = DNSQuestion(try #require(DomainName(text: real.name)), real.type)
            var bytes = real.bytes
            for _ in 0...random.below(4) { self.mutate(&bytes, &random) }
            if self.read(bytes, question) { believed += 1 }
        }
        // Else the mutations would never get behind the header.
        #expect(believed > Self.rounds / 20, "seed \(seed)")
        #expect(believed < Self.rounds, "seed \(seed)")
    }

    @Test("random bytes behind a true header are read or refused")
    func randomBytes() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        print("seed of the random answers: \(seed)")
        let question = DNSQuestion(try #require(DomainName(text: "a.b")), .srv)
        for _ in 0..<Self.rounds {
            let counts = [random.below(4), random.below(3), random.below(4)]
            var bytes = DNSWire.answer(name: "a.b", type: 33, counts: counts)
            for _ in 0..<random.below(120) {
                // Zeros, pointers and small numbers make more of it look like records.
                switch random.below(4) {
                case 0: bytes.append(0)
                case 1: bytes.append(0xC0)
                case 2: bytes.append(UInt8(random.below(64)))
                default: bytes.append(UInt8(truncatingIfNeeded: random.next()))
                }
            }
            _ = self.read(bytes, question)
        }
    }

    @Test("every prefix of a real answer is refused, but for the whole one")
    func prefixes() throws {
        for real in RealAnswer.all {
            let question = DNSQuestion(try #require(DomainName(text: real.name)), real.type)
            for length in 0..<real.bytes.count {
                #expect(!self.read(Array(real.bytes.prefix(length)), question), "\(real.name), \(length) bytes")
            }
            #expect(self.read(real.bytes, question))
        }
    }

    @Test("the largest message of the worst names is read in linear time")
    func worstMessage() throws {
        // Each record's name is a pointer to one of 126 labels in the first record's data; 65,535 bytes hold 5,000.
        let long = DNSWire.name(Array(repeating: "a", count: 126).joined(separator: "."))
        var records = [DNSWire.record(type: 16, long)]
        while records.count < 5000 { records.append(DNSWire.record(type: 16, [], of: DNSWire.pointer(to: 33))) }
        let bytes = DNSWire.answer(name: "a.b", type: 1, records)
        #expect(bytes.count <= 65_535)
        let question = DNSQuestion(try #require(DomainName(text: "a.b")), .a)
        var message: DNSMessage?
        let time = try ContinuousClock().measure {
            message = try DNSMessage(bytes, answering: question, identifier: 0x1234)
        }
        #expect(message?.answers.last?.owner.description == String(repeating: "a.", count: 125) + "a")
        #expect(time < .seconds(5))
    }
}
